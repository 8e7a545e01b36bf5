// Object stores of ours: the contract on the fake and on a real one, and what
// only a real one can show.
#include "jobs/descriptor.hpp"
#include "jobs/part_upload.hpp"
#include "remote/s3_stores.hpp"
#include "tests/contracts/object_store_contract.hpp"
#include "tests/doubles/fake_object_store.hpp"
#include "tests/doubles/real_s3.hpp"
#include "tests/doubles/skipped.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <sys/mman.h>

using namespace alula;
using namespace alula::remote;
using namespace std::chrono_literals;
using alula::contracts::text_source;
using jobs::fault_code;

namespace {

struct fake_store_world final : contracts::store_world {
  jobs::fake_object_store store;
  jobs::object_store& port() override { return store; }
  std::size_t least_part() override { return 10; }
};

struct real_store_world final : contracts::store_world {
  jobs::system_clock clock;
  s3_store store{doubles::real_s3(), clock};
  jobs::object_store& port() override { return store; }
  std::size_t least_part() override { return std::size_t{5} << 20; }
};

} // namespace

TEST_CASE("the fake object store keeps the contract", "[remote][far]") {
  contracts::object_stores_keep_their_contract(
      []() -> std::unique_ptr<contracts::store_world> {
        return std::make_unique<fake_store_world>();
      });
}

TEST_CASE("a real object store keeps the contract", "[remote][far][s3]") {
  if (doubles::is_skipped(doubles::no_s3()))
    return;
  contracts::object_stores_keep_their_contract(
      []() -> std::unique_ptr<contracts::store_world> {
        return std::make_unique<real_store_world>();
      });
}

TEST_CASE("wrong keys are refused for good", "[remote][far][s3]") {
  if (doubles::is_skipped(doubles::no_s3()))
    return;
  jobs::system_clock clock;
  auto settings = doubles::real_s3();
  settings.keys.secret = "wrong";
  s3_store store{settings, clock};
  const auto put = store.put("k", text_source{"x"}, {});
  REQUIRE_FALSE(put);
  CHECK(put.error().code == fault_code::store_refused);
}

TEST_CASE("a presigned URL gets the object without keys", "[remote][far][s3]") {
  if (doubles::is_skipped(doubles::no_s3()))
    return;
  real_store_world w;
  REQUIRE(w.store.put("some file", text_source{"hello"}, {}));
  http_client plain{{}};
  http_request request;
  request.url = w.store.presign_get("some file", 60s);
  const auto outcome = plain.send(request);
  const auto* answer = std::get_if<http_answer>(&outcome);
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->body == "hello");
  request.url += "0";
  const auto tampered = plain.send(request);
  CHECK(std::get<http_answer>(tampered).status == 403);
}

TEST_CASE("many parts go through at once, and a second run sends none",
          "[remote][far][s3]") {
  if (doubles::is_skipped(doubles::no_s3()))
    return;
  real_store_world w;
  constexpr std::int64_t part = std::int64_t{5} << 20;
  constexpr std::int64_t size = 4 * part + 1'234;
  jobs::descriptor file{memfd_create("archive", MFD_CLOEXEC)};
  std::string block(static_cast<std::size_t>(part), 'x');
  for (int i = 0; i < 5; ++i) {
    block[0] = static_cast<char>('a' + i);
    REQUIRE(pwrite(file.get(), block.data(), block.size(), i * part) > 0);
  }
  REQUIRE(ftruncate(file.get(), size) == 0);
  const auto upload = w.store.begin_upload("big", {});
  REQUIRE(upload);
  int sent = 0;
  std::mutex mutex;
  jobs::part_sender by;
  by.send = [&](int number, const jobs::byte_source& from,
                const jobs::transfer_tell& tell, std::stop_token stop) {
    {
      const std::scoped_lock lock{mutex};
      ++sent;
    }
    return w.store.put_part("big", *upload, number, from, tell, stop);
  };
  by.keep = [](const jobs::object_part&) { return jobs::status{}; };
  by.tell = [](std::int64_t, const std::string&) {};
  const auto parts = jobs::send_parts(file.get(), size, part, {}, by, {});
  REQUIRE(parts);
  CHECK(sent == 5);
  const auto again = jobs::send_parts(
      file.get(), size, part, *w.store.list_parts("big", *upload, {}), by, {});
  REQUIRE(again);
  CHECK(sent == 5);
  REQUIRE(w.store.finish_upload("big", *upload, *again, {}));
  CHECK((*w.store.head("big", {}))->size == size);
}

TEST_CASE("a store that hangs is given up after the stall limit, and goes on "
          "afterwards",
          "[remote][far][s3]") {
  if (doubles::is_skipped(doubles::no_s3()))
    return;
  const char* process = std::getenv("ALULA_S3_PID");
  REQUIRE(process);
  const pid_t pid = std::atoi(process);
  jobs::system_clock clock;
  auto settings = doubles::real_s3();
  settings.stall = 1s;
  s3_store store{settings, clock};
  REQUIRE(store.put("k", text_source{"x"}, {}));
  kill(pid, SIGSTOP);
  const auto hung = store.put("k", text_source{"y"}, {});
  kill(pid, SIGCONT);
  REQUIRE_FALSE(hung);
  CHECK(hung.error().code == fault_code::store_unavailable);
  CHECK(store.put("k", text_source{"z"}, {}));
}
