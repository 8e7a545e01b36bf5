// Object stores of ours: the contract on the fake and on a real one, and what
// only one of them can show.
#include "jobs/descriptor.hpp"
#include "jobs/part_upload.hpp"
#include "remote/s3_answers.hpp"
#include "remote/s3_signature.hpp"
#include "remote/s3_stores.hpp"
#include "tests/contracts/object_store_contract.hpp"
#include "tests/doubles/fake_clock.hpp"
#include "tests/doubles/fake_object_store.hpp"
#include "tests/doubles/real_s3.hpp"
#include "tests/doubles/scripted_web.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/mman.h>

using namespace alula;
using namespace alula::remote;
using namespace std::chrono_literals;
using alula::contracts::text_source;
using alula::doubles::scripted_web;
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

bool is_skipped() {
  const auto why = doubles::no_s3();
  if (!why.empty())
    WARN("skipped: " << why);
  return !why.empty();
}

/// 1,369,353,600,000: 2013-05-24T00:00:00Z, as in AWS's examples.
constexpr jobs::time_ms of_the_examples = 1'369'353'600'000;
const s3_keys example_keys{
    "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", {}};

/// A store that answers as a test tells it to.
struct scripted_store {
  explicit scripted_store(scripted_web::script answers)
    : web(std::move(answers)) {}
  scripted_web web;
  jobs::system_clock clock;
  s3_store store{{.name = "s",
                  .endpoint = web.at(""),
                  .bucket = "b",
                  .keys = example_keys},
                 clock};
};

} // namespace

TEST_CASE("the fake object store keeps the contract", "[remote][far]") {
  contracts::object_stores_keep_their_contract(
      []() -> std::unique_ptr<contracts::store_world> {
        return std::make_unique<fake_store_world>();
      });
}

TEST_CASE("a real object store keeps the contract", "[remote][far][s3]") {
  if (is_skipped())
    return;
  contracts::object_stores_keep_their_contract(
      []() -> std::unique_ptr<contracts::store_world> {
        return std::make_unique<real_store_world>();
      });
}

TEST_CASE("a request is signed as AWS's example is", "[remote][far]") {
  // "Signature Calculations for the Authorization Header", GET Object.
  const s3_request get{.host = "examplebucket.s3.amazonaws.com",
                       .path = "/test.txt",
                       .headers = {{"range", "bytes=0-9"}},
                       .payload = sha256_hex("")};
  const auto headers = sign_s3(get, example_keys, "us-east-1", of_the_examples);
  CHECK(headers.back().second
        == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
           "us-east-1/s3/aws4_request, SignedHeaders=host;range;"
           "x-amz-content-sha256;x-amz-date, Signature="
           "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_CASE("a query is signed sorted, as AWS's example is", "[remote][far]") {
  const s3_request list{.host = "examplebucket.s3.amazonaws.com",
                        .path = "/",
                        .query = {{"prefix", "J"}, {"max-keys", "2"}},
                        .payload = sha256_hex("")};
  const auto headers =
      sign_s3(list, example_keys, "us-east-1", of_the_examples);
  CHECK_THAT(headers.back().second,
             Catch::EndsWith("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670"
                             "ed5711ef69dc6f7"));
}

TEST_CASE("a URL is presigned as AWS's example is", "[remote][far]") {
  const s3_request get{.host = "examplebucket.s3.amazonaws.com",
                       .path = "/test.txt",
                       .payload = {}};
  CHECK_THAT(
      presign_s3(get, example_keys, "us-east-1", of_the_examples, 86'400s),
      Catch::EndsWith("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f"
                      "995330da4c265957d157751f604d404"));
}

TEST_CASE("a bucket stands in the host or in the path, as a store is addressed",
          "[remote][far]") {
  const doubles::fake_clock clock{of_the_examples};
  s3_settings settings{.name = "s",
                       .endpoint = "https://s3.amazonaws.com",
                       .bucket = "examplebucket",
                       .keys = example_keys};
  s3_store by_path{settings, clock};
  CHECK_THAT(by_path.presign_get("test.txt", 86'400s),
             Catch::StartsWith(
                 "https://s3.amazonaws.com/examplebucket/test.txt?X-Amz-"));
  settings.path_style = false;
  s3_store by_host{settings, clock};
  // The same example of AWS's as above.
  CHECK_THAT(by_host.presign_get("test.txt", 86'400s),
             Catch::StartsWith(
                 "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-")
                 && Catch::EndsWith("aeeed9bbccd4d02ee5c0109b86d86835f"
                                    "995330da4c265957d157751f604d404"));
}

TEST_CASE("a completed upload that failed says so in its 200",
          "[remote][far]") {
  scripted_store s{[](const scripted_web::request&) {
    return scripted_web::answer(200, "",
                                "<Error><Code>InternalError</Code></Error>");
  }};
  const auto done = s.store.finish_upload("k", "u", {{1, 1, "e"}}, {});
  REQUIRE_FALSE(done);
  CHECK(done.error().code == fault_code::store_unavailable);
}

TEST_CASE("an upload that cannot be completed is looked for: it may be done",
          "[remote][far]") {
  bool is_open = false;
  std::string size;
  // Completed or aborted, radosgw says the same 500.
  scripted_store s{[&](const scripted_web::request& asked) {
    if (asked.head.starts_with("POST"))
      return scripted_web::answer(500, "",
                                  "<Error><Code>InternalError</Code></Error>");
    if (asked.head.starts_with("HEAD"))
      return size.empty() ? scripted_web::answer(404, "", "")
                          : "HTTP/1.1 200 X\r\nConnection: close\r\n"
                            "Content-Length: "
                                + size + "\r\n\r\n";
    return is_open ? scripted_web::answer(200, "", "<ListPartsResult/>")
                   : scripted_web::answer(404, "", "");
  }};
  const auto finish = [&] {
    return s.store.finish_upload("k", "u", {{1, 7, "e"}}, {});
  };
  size = "7";
  CHECK(finish());
  size = "8";
  CHECK(finish().error().code == fault_code::store_object_missing);
  size.clear();
  CHECK(finish().error().code == fault_code::store_object_missing);
  is_open = true;
  size = "7";
  CHECK(finish().error().code == fault_code::store_unavailable);
}

TEST_CASE("an upload is aborted until the store has no part of it",
          "[remote][far]") {
  int aborts = 0;
  int left_until = 0; // so many aborts leave a part
  bool is_known = false;
  scripted_store s{[&](const scripted_web::request& asked) {
    if (asked.head.starts_with("DELETE")) {
      ++aborts;
      return scripted_web::answer(204, "", "");
    }
    if (aborts <= left_until)
      return scripted_web::answer(
          200, "",
          "<ListPartsResult><Part><PartNumber>1</PartNumber>"
          "<ETag>\"e\"</ETag><Size>5</Size></Part></ListPartsResult>");
    return is_known ? scripted_web::answer(200, "", "<ListPartsResult/>")
                    : scripted_web::answer(
                        404, "", "<Error><Code>NoSuchUpload</Code></Error>");
  }};
  SECTION("one that was under way has come after the first") {
    left_until = 1;
    is_known = GENERATE(false, true);
    CHECK(s.store.abort_upload("k", "u", {}));
    CHECK(aborts == 2);
  }
  SECTION("one that never goes is told after five") {
    left_until = 99;
    const auto gone = s.store.abort_upload("k", "u", {});
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code == fault_code::store_unavailable);
    CHECK(gone.error().where.find("k in store s") != std::string::npos);
    CHECK(aborts == 5);
  }
}

TEST_CASE("a store that serves no ranges is refused when it sends too much",
          "[remote][far]") {
  scripted_store s{[](const scripted_web::request&) {
    return scripted_web::answer(200, "ETag: \"e\"\r\n", "archive");
  }};
  std::string came;
  const auto take = [&](std::span<const char> piece) -> jobs::status {
    came.append(piece.data(), piece.size());
    return {};
  };
  const auto start = GENERATE(0, 3);
  const auto got = s.store.get("k", start, 4, "", take, {});
  REQUIRE_FALSE(got);
  CHECK(got.error().code == fault_code::store_refused);
  CHECK(came.empty());
  // All of it is what was asked for.
  REQUIRE(s.store.get("k", 0, 7, "", take, {}));
  CHECK(came == "archive");
}

TEST_CASE("a download goes on where it ended with a store without ranges",
          "[remote][far]") {
  std::string etag = "e";
  scripted_store s{[&](const scripted_web::request&) {
    return scripted_web::answer(200, "ETag: \"" + etag + "\"\r\n", "archive");
  }};
  std::string came;
  const auto rest = [&](std::int64_t at, const std::string& of) {
    came.clear();
    return s.store.get("k", at, 0, of,
                       [&](std::span<const char> piece) -> jobs::status {
                         came.append(piece.data(), piece.size());
                         return {};
                       },
                       {});
  };
  const auto got = rest(3, "e");
  REQUIRE(got);
  CHECK(came == "hive");
  CHECK(got->size == 7);
  CHECK(rest(7, "e"));
  CHECK(came.empty());
  // Bytes of another object are none of this one, nor those of any.
  etag = "other";
  CHECK(rest(3, "").error().code == fault_code::store_refused);
  CHECK(came.empty());
  CHECK(rest(3, "e").error().code == fault_code::store_object_missing);
  CHECK(came.empty());
}

TEST_CASE("a range that begins elsewhere than it was asked for is refused",
          "[remote][far]") {
  scripted_store s{[](const scripted_web::request&) {
    return scripted_web::answer(206, "Content-Range: bytes 2-6/7\r\n", "chive");
  }};
  std::string came;
  const auto got =
      s.store.get("k", 3, 0, "e",
                  [&](std::span<const char> piece) -> jobs::status {
                    came.append(piece.data(), piece.size());
                    return {};
                  },
                  {});
  REQUIRE_FALSE(got);
  CHECK(got.error().code == fault_code::store_refused);
  CHECK(came.empty());
}

TEST_CASE("an object that was replaced is told by a 412 without words as well",
          "[remote][far]") {
  const auto words = GENERATE(as<std::string>{}, "",
                              "<Error><Code>PreconditionFailed</Code></Error>");
  scripted_store s{[&](const scripted_web::request& request) {
    CHECK(request.has("if-match: \"e\""));
    return scripted_web::answer(412, "", words);
  }};
  const auto got =
      s.store.get("k", 0, 0, "e",
                  [](std::span<const char>) -> jobs::status { return {}; }, {});
  REQUIRE_FALSE(got);
  CHECK(got.error().code == fault_code::store_object_missing);
}

TEST_CASE("a part that arrived otherwise is not believed", "[remote][far]") {
  std::string etag;
  scripted_store s{[&](const scripted_web::request&) {
    return scripted_web::answer(200, "ETag: " + etag + "\r\n", "");
  }};
  etag = "\"5d41402abc4b2a76b9719d911017c592\""; // of "hello"
  CHECK(s.store.put_part("k", "u", 1, text_source{"hello"}, {}, {}));
  etag = "\"00000000000000000000000000000000\"";
  const auto wrong =
      s.store.put_part("k", "u", 1, text_source{"hello"}, {}, {});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == fault_code::store_unavailable);
  // Of a store that encrypts, it is the MD5 of something else.
  etag += "\r\nx-amz-server-side-encryption: aws:kms";
  CHECK(s.store.put_part("k", "u", 1, text_source{"hello"}, {}, {}));
  CHECK(s.web.requests().front().body == "hello");
  CHECK(s.web.requests().front().has("Content-Length: 5"));
}

TEST_CASE("the words of a store and what they mean", "[remote][far]") {
  const auto [status, body, code] =
      GENERATE(table<int, std::string, fault_code>(
          {{403, "<Error><Code>QuotaExceeded</Code></Error>",
            fault_code::store_refused},
           {404, "<Error><Code>NoSuchKey</Code></Error>",
            fault_code::store_object_missing},
           {404, "<Error><Code>NoSuchUpload</Code></Error>",
            fault_code::store_object_missing},
           {404, "<Error><Code>NoSuchBucket</Code></Error>",
            fault_code::store_refused},
           {503, "<Error><Code>SlowDown</Code></Error>",
            fault_code::store_unavailable},
           {507, "", fault_code::store_refused},
           {500, "no xml at all", fault_code::store_unavailable},
           {429, "", fault_code::store_unavailable},
           {400, "<Error><Code>RequestTimeout</Code></Error>",
            fault_code::store_unavailable},
           {411, "<Error><Code>MissingContentLength</Code></Error>",
            fault_code::store_refused}}));
  CHECK(s3_fault({.status = status, .body = body}, "PUT").code == code);
}

TEST_CASE("keys are read from a credentials file and from the environment",
          "[remote][far]") {
  const auto file = std::filesystem::temp_directory_path()
                    / ("alula-keys-" + std::to_string(getpid()));
  std::ofstream{file} << "[default]\naws_access_key_id = a\n"
                         "[node]\naws_access_key_id=b\n"
                         "aws_secret_access_key = c=d \n";
  const auto keys = read_s3_keys(
      {.access = {}, .secret = {}, .file = file, .profile = "node"});
  REQUIRE(keys);
  CHECK(keys->access == "b");
  CHECK(keys->secret == "c=d");
  CHECK_FALSE(read_s3_keys({.access = {}, .secret = {}, .file = file}));
  std::filesystem::remove(file);
  setenv("ALULATEST_ACCESS_KEY_ID", "e", 1);
  setenv("ALULATEST_SECRET_ACCESS_KEY", "f", 1);
  const auto of_environment = read_s3_keys({.access = {},
                                            .secret = {},
                                            .file = {},
                                            .profile = {},
                                            .environment = "ALULATEST"});
  REQUIRE(of_environment);
  CHECK(of_environment->secret == "f");
}

TEST_CASE("wrong keys are refused for good", "[remote][far][s3]") {
  if (is_skipped())
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
  if (is_skipped())
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
  if (is_skipped())
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
  if (is_skipped())
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
