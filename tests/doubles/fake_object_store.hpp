/// An object store in memory, as strict as radosgw and Swift are where they
/// agree: a journal of every call, and faults that the next calls run into.
#pragma once

#include "jobs/object_store.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace alula::jobs {

/// Any thread may call any method.
class fake_object_store final : public object_store {
public:
  struct object {
    std::string bytes;
    std::string etag;
  };
  struct upload {
    std::string key;
    std::map<int, object> parts;
  };

  explicit fake_object_store(std::string name = "offsite")
    : name_(std::move(name)) {}
  ~fake_object_store() override;

  std::mutex mutex; ///< over all of these
  std::map<std::string, object> objects;
  std::map<std::string, upload> uploads;
  /// "put_part key 1", in the order of the calls.
  std::vector<std::string> journal;
  std::int64_t wanted_part = 8;
  bool ignores_after = false; ///< lists begin anew every time
  /// Asked before a call does anything; a fault is its answer.
  std::function<status(const std::string& call)> before;
  /// Asked after a call did what it does, in place of its answer.
  std::function<status(const std::string& call)> after;

  std::size_t count(const std::string& begin) {
    const std::scoped_lock lock{mutex};
    return static_cast<std::size_t>(
        std::ranges::count_if(journal, [&](const std::string& line) {
          return line.starts_with(begin);
        }));
  }

  const std::string& name() const override { return name_; }
  std::int64_t part_size() const override { return wanted_part; }

  result<std::string> put(const std::string& key, const byte_source& from,
                          std::stop_token) override {
    const std::string call = "put " + key;
    if (auto may = enter(call); !may)
      return std::move(may).error();
    auto bytes = all_of(from);
    if (!bytes)
      return std::move(bytes).error();
    const std::scoped_lock lock{mutex};
    auto& made = objects[key] = make(*std::move(bytes));
    return made.etag;
  }
  result<std::optional<object_info>> head(const std::string& key,
                                          std::stop_token) override {
    if (auto may = enter("head " + key); !may)
      return std::move(may).error();
    const std::scoped_lock lock{mutex};
    const auto found = objects.find(key);
    if (found == objects.end())
      return std::optional<object_info>{};
    return std::optional{info_of(found->first, found->second)};
  }
  result<object_info> get(const std::string& key, std::int64_t at,
                          std::int64_t length, const std::string& etag,
                          const byte_sink& into, std::stop_token) override {
    const auto call = "get " + key + " " + std::to_string(at);
    if (auto may = enter(call); !may)
      return std::move(may).error();
    object found;
    {
      const std::scoped_lock lock{mutex};
      const auto known = objects.find(key);
      if (known == objects.end()
          || (!etag.empty() && known->second.etag != etag))
        return missing();
      found = known->second;
    }
    const auto size = static_cast<std::int64_t>(found.bytes.size());
    if (at > size || (at == size && at > 0))
      return fault{.code = fault_code::store_refused, .what = "InvalidRange"};
    const auto piece = found.bytes.substr(
        static_cast<std::size_t>(at),
        length > 0 ? static_cast<std::size_t>(length) : std::string::npos);
    constexpr std::size_t most = 16 << 20;
    std::span<const char> rest{piece};
    do {
      const auto next = rest.first(std::min(most, rest.size()));
      if (auto taken = into(next); !taken)
        return std::move(taken).error();
      rest = rest.subspan(next.size());
    } while (!rest.empty());
    if (auto ended = leave(call); !ended)
      return std::move(ended).error();
    return info_of(key, found);
  }
  status remove(const std::string& key, std::stop_token) override {
    if (auto may = enter("remove " + key); !may)
      return may;
    const std::scoped_lock lock{mutex};
    objects.erase(key);
    return {};
  }
  result<object_page> list(const std::string& prefix, const std::string& behind,
                           std::size_t limit, std::stop_token) override {
    if (auto may = enter("list " + prefix); !may)
      return std::move(may).error();
    const std::scoped_lock lock{mutex};
    object_page page;
    for (auto at = ignores_after ? objects.begin()
                                 : objects.upper_bound(behind);
         at != objects.end(); ++at) {
      if (!at->first.starts_with(prefix))
        continue;
      page.has_more = page.objects.size() == limit;
      if (page.has_more)
        break;
      page.objects.push_back(info_of(at->first, at->second));
    }
    return page;
  }

  result<std::string> begin_upload(const std::string& key,
                                   std::stop_token) override {
    const auto call = "begin_upload " + key;
    if (auto may = enter(call); !may)
      return std::move(may).error();
    std::string id;
    {
      const std::scoped_lock lock{mutex};
      id = "upload-" + std::to_string(++last_upload_);
      uploads[id].key = key;
    }
    if (auto ended = leave(call); !ended)
      return std::move(ended).error();
    return id;
  }
  result<object_part> put_part(const std::string& key, const std::string& id,
                               int number, const byte_source& from,
                               const transfer_tell& tell,
                               std::stop_token) override {
    const auto call = "put_part " + key + " " + std::to_string(number);
    if (auto may = enter(call); !may)
      return std::move(may).error();
    auto bytes = all_of(from);
    if (!bytes)
      return std::move(bytes).error();
    if (tell)
      tell(from.size());
    object_part part{number, from.size(), {}};
    {
      const std::scoped_lock lock{mutex};
      const auto known = uploads.find(id);
      if (known == uploads.end() || known->second.key != key)
        return missing();
      part.etag = (known->second.parts[number] = make(*std::move(bytes))).etag;
    }
    if (auto ended = leave(call); !ended)
      return std::move(ended).error();
    return part;
  }
  result<std::vector<object_part>> list_parts(const std::string& key,
                                              const std::string& id,
                                              std::stop_token) override {
    if (auto may = enter("list_parts " + key); !may)
      return std::move(may).error();
    const std::scoped_lock lock{mutex};
    const auto known = uploads.find(id);
    if (known == uploads.end())
      return missing();
    std::vector<object_part> out;
    for (const auto& [number, part] : known->second.parts)
      out.push_back(
          {number, static_cast<std::int64_t>(part.bytes.size()), part.etag});
    return out;
  }
  status finish_upload(const std::string& key, const std::string& id,
                       std::vector<object_part> parts,
                       std::stop_token) override {
    const auto call = "finish_upload " + key;
    if (auto may = enter(call); !may)
      return may;
    std::ranges::sort(parts, {}, &object_part::number);
    {
      const std::scoped_lock lock{mutex};
      const auto known = uploads.find(id);
      if (known == uploads.end())
        return objects.contains(key) ? status{} : status{missing()};
      std::string all;
      for (const auto& part : parts) {
        const auto there = known->second.parts.find(part.number);
        if (there == known->second.parts.end()
            || there->second.etag != part.etag)
          return fault{.code = fault_code::store_refused,
                       .what = "InvalidPart"};
        all += there->second.bytes;
      }
      auto made = make(std::move(all));
      made.etag += "-" + std::to_string(parts.size());
      objects[key] = std::move(made);
      uploads.erase(known);
    }
    return leave(call);
  }
  status abort_upload(const std::string& key, const std::string& id,
                      std::stop_token) override {
    if (auto may = enter("abort_upload " + key); !may)
      return may;
    const std::scoped_lock lock{mutex};
    uploads.erase(id);
    return {};
  }
  result<std::vector<open_upload>> list_uploads(const std::string& prefix,
                                                std::stop_token) override {
    if (auto may = enter("list_uploads " + prefix); !may)
      return std::move(may).error();
    const std::scoped_lock lock{mutex};
    std::vector<open_upload> out;
    for (const auto& [id, one] : uploads)
      if (one.key.starts_with(prefix))
        out.push_back({one.key, id, 0});
    return out;
  }
  std::string presign_get(const std::string& key,
                          std::chrono::seconds) override {
    return "http://store/" + key;
  }
  std::string presign_part(const std::string& key, const std::string& id,
                           int number, std::chrono::seconds) override {
    return "http://store/" + key + "?partNumber=" + std::to_string(number)
           + "&uploadId=" + id;
  }

  static fault away() {
    return {.code = fault_code::store_unavailable, .what = "nobody answers"};
  }
  static fault missing() {
    return {.code = fault_code::store_object_missing, .what = "NoSuchKey"};
  }

private:
  status enter(const std::string& call) {
    std::function<status(const std::string&)> ask;
    {
      const std::scoped_lock lock{mutex};
      journal.push_back(call);
      ask = before;
    }
    return ask ? ask(call) : status{};
  }
  status leave(const std::string& call) {
    std::function<status(const std::string&)> ask;
    {
      const std::scoped_lock lock{mutex};
      ask = after;
    }
    return ask ? ask(call) : status{};
  }

  static result<std::string> all_of(const byte_source& from) {
    std::string out(static_cast<std::size_t>(from.size()), '\0');
    if (auto got = from.read(0, out); !got)
      return std::move(got).error();
    return out;
  }
  static object make(std::string bytes) {
    char etag[40];
    std::snprintf(etag, sizeof etag, "%032zx", std::hash<std::string>{}(bytes));
    return {std::move(bytes), etag};
  }
  static object_info info_of(const std::string& key, const object& of) {
    return {key, static_cast<std::int64_t>(of.bytes.size()), of.etag, 1};
  }

  const std::string name_;
  int last_upload_ = 0;
};

} // namespace alula::jobs
