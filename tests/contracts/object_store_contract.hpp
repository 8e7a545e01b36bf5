/// What every implementation of jobs::object_store promises, checked alike on
/// the fake, on Ceph's radosgw and on OpenStack Swift.
#pragma once

#include "jobs/object_store.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace alula::contracts {

class text_source final : public jobs::byte_source {
public:
  explicit text_source(std::string text) : text_(std::move(text)) {}
  std::int64_t size() const override {
    return static_cast<std::int64_t>(text_.size());
  }
  jobs::status read(std::int64_t at, std::span<char> into) const override {
    std::memcpy(into.data(), text_.data() + at, into.size());
    return {};
  }

private:
  std::string text_;
};

/// A store whose bucket is empty below the prefix of the test, and what a whole
/// part has to be at least.
struct store_world {
  virtual ~store_world() = default;
  virtual jobs::object_store& port() = 0;
  virtual std::size_t least_part() = 0;
};

inline void
object_stores_keep_their_contract(std::unique_ptr<store_world> (*make)()) {
  using jobs::fault_code;
  const auto world = make();
  auto& store = world->port();
  const std::string key = "8d3fb5e2/a b+c&d=é/world.tar.gz";
  const auto text_of = [&](const std::string& of, std::int64_t at = 0,
                           std::int64_t length = 0,
                           const std::string& etag = {}) {
    std::string out;
    const auto got =
        store.get(of, at, length, etag,
                  [&](std::span<const char> piece) -> jobs::status {
                    out.append(piece.data(), piece.size());
                    return {};
                  },
                  {});
    if (!got)
      FAIL("not read: " << got.error().what);
    return out;
  };
  const auto must = [](const auto& outcome) {
    if (!outcome)
      FAIL("refused: " << outcome.error().what);
  };

  SECTION("an object is put, looked at, read and removed") {
    CHECK_FALSE(*store.head(key, {}));
    const auto etag = store.put(key, text_source{"0123456789"}, {});
    must(etag);
    const auto there = store.head(key, {});
    must(there);
    REQUIRE(*there);
    CHECK((*there)->size == 10);
    CHECK((*there)->etag == *etag);
    CHECK(text_of(key) == "0123456789");
    must(store.remove(key, {}));
    must(store.remove(key, {}));
    CHECK_FALSE(*store.head(key, {}));
  }

  SECTION("a range is read, and only of the object that was meant") {
    const auto etag = store.put(key, text_source{"0123456789"}, {});
    must(etag);
    CHECK(text_of(key, 3, 4, *etag) == "3456");
    CHECK(text_of(key, 7) == "789");
    must(store.put(key, text_source{"abcdefghij"}, {}));
    const auto other =
        store.get(key, 3, 4, *etag,
                  [](std::span<const char>) -> jobs::status { return {}; }, {});
    REQUIRE_FALSE(other);
    CHECK(other.error().code == fault_code::store_object_missing);
  }

  SECTION("what is not there is said so") {
    const auto got =
        store.get("none", 0, 0, "",
                  [](std::span<const char>) -> jobs::status { return {}; }, {});
    REQUIRE_FALSE(got);
    CHECK(got.error().code == fault_code::store_object_missing);
  }

  SECTION("an empty object is one") {
    must(store.put(key, text_source{""}, {}));
    REQUIRE(*store.head(key, {}));
    CHECK((*store.head(key, {}))->size == 0);
    CHECK(text_of(key).empty());
  }

  SECTION("a list goes on after its last key") {
    for (const char* name : {"l/a", "l/b", "l/c", "m/d"})
      must(store.put(name, text_source{name}, {}));
    const auto first = store.list("l/", "", 2, {});
    must(first);
    REQUIRE(first->objects.size() == 2);
    CHECK(first->has_more);
    CHECK(first->objects[1].key == "l/b");
    CHECK(first->objects[1].size == 3);
    const auto rest = store.list("l/", "l/b", 2, {});
    must(rest);
    REQUIRE(rest->objects.size() == 1);
    CHECK(rest->objects[0].key == "l/c");
    CHECK_FALSE(rest->has_more);
    for (const char* name : {"l/a", "l/b", "l/c", "m/d"})
      must(store.remove(name, {}));
  }

  SECTION("a list of everything goes on after any key, one at a time") {
    const std::vector<std::string> keys{key, key + ".manifest", "z"};
    for (const auto& one : keys)
      must(store.put(one, text_source{one}, {}));
    std::vector<std::string> seen;
    for (bool has_more = true; has_more && seen.size() < 9;) {
      const auto page = store.list("", seen.empty() ? "" : seen.back(), 1, {});
      must(page);
      for (const auto& object : page->objects)
        seen.push_back(object.key);
      has_more = page->has_more;
    }
    CHECK(seen == keys);
    for (const auto& one : keys)
      must(store.remove(one, {}));
  }

  SECTION("parts sent in any order make the object") {
    const std::string a(world->least_part(), 'a'), b(world->least_part(), 'b');
    const auto upload = store.begin_upload(key, {});
    must(upload);
    const auto open = store.list_uploads("", {});
    must(open);
    CHECK(std::ranges::count_if(*open,
                                [&](const auto& one) {
                                  return one.id == *upload && one.key == key;
                                })
          == 1);
    std::int64_t told = 0;
    const auto tell = [&](std::int64_t bytes) { told = bytes; };
    const auto last =
        store.put_part(key, *upload, 3, text_source{"end"}, tell, {});
    must(last);
    CHECK(told == 3);
    const auto second = store.put_part(key, *upload, 2, text_source{b}, {}, {});
    must(second);
    must(store.put_part(key, *upload, 1, text_source{b}, {}, {}));
    // A part that is sent again replaces the first one.
    const auto first = store.put_part(key, *upload, 1, text_source{a}, {}, {});
    must(first);
    const auto parts = store.list_parts(key, *upload, {});
    must(parts);
    CHECK(*parts == std::vector{*first, *second, *last});
    CHECK_FALSE(*store.head(key, {}));
    must(store.finish_upload(key, *upload, {*last, *first, *second}, {}));
    const auto there = store.head(key, {});
    must(there);
    REQUIRE(*there);
    CHECK((*there)->size
          == static_cast<std::int64_t>(2 * world->least_part() + 3));
    CHECK(text_of(key, static_cast<std::int64_t>(world->least_part()) - 1, 2,
                  (*there)->etag)
          == "ab");
    // The answer to the first call may have been lost.
    must(store.finish_upload(key, *upload, {*first, *second, *last}, {}));
    CHECK(store.list_uploads("", {})->empty());
    must(store.remove(key, {}));
  }

  SECTION("a part of another content is not put together") {
    const auto upload = store.begin_upload(key, {});
    must(upload);
    auto part = store.put_part(key, *upload, 1, text_source{"x"}, {}, {});
    must(part);
    part->etag = std::string(32, '0');
    const auto done = store.finish_upload(key, *upload, {*part}, {});
    REQUIRE_FALSE(done);
    CHECK(done.error().code == fault_code::store_refused);
    must(store.abort_upload(key, *upload, {}));
  }

  SECTION("an aborted upload is gone, and can be aborted again") {
    const auto upload = store.begin_upload(key, {});
    must(upload);
    must(store.put_part(key, *upload, 1, text_source{"x"}, {}, {}));
    must(store.abort_upload(key, *upload, {}));
    must(store.abort_upload(key, *upload, {}));
    CHECK(store.list_uploads("", {})->empty());
    const auto late = store.put_part(key, *upload, 2, text_source{"y"}, {}, {});
    REQUIRE_FALSE(late);
    CHECK(late.error().code == fault_code::store_object_missing);
    const auto parts = store.list_parts(key, *upload, {});
    REQUIRE_FALSE(parts);
    CHECK(parts.error().code == fault_code::store_object_missing);
    const auto done = store.finish_upload(key, *upload, {{1, 1, "x"}}, {});
    REQUIRE_FALSE(done);
    CHECK(done.error().code == fault_code::store_object_missing);
  }
}

} // namespace alula::contracts
