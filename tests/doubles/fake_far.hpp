/// Other machines' storage in memory: stores of ours, the links of a Panel that
/// lead into one of them, and a journal that is the fake ledger.
#pragma once

#include "jobs/far_places.hpp"
#include "tests/doubles/fake_object_store.hpp"
#include "tests/doubles/fake_panel.hpp"
#include "tests/doubles/fake_store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace alula::jobs {

class fake_stores final : public object_stores {
public:
  ~fake_stores() override;
  std::map<std::string, fake_object_store*, std::less<>> all;
  object_store* find(std::string_view name) override {
    const auto found = all.find(name);
    return found == all.end() ? nullptr : found->second;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> out;
    for (const auto& [name, store] : all)
      out.push_back(name);
    return out;
  }
};

/// "http://store/KEY?partNumber=1&uploadId=…" puts a part, "http://store/KEY"
/// gets an object.
class fake_links final : public signed_links {
public:
  explicit fake_links(fake_object_store& store) : store_(store) {}
  ~fake_links() override;

  /// Answers instead of the store, when it has one.
  std::function<std::optional<link_answer>(const std::string& url)> answer;
  /// How many bytes of a download come before the connection ends; 0: all.
  std::int64_t cut_after = 0;
  bool says_etag = true;
  /// What a download says of its size; else the truth.
  std::optional<std::int64_t> says_size;

  result<link_answer> put(const std::string& url, const byte_source& from,
                          const transfer_tell& tell,
                          std::stop_token stop) override {
    if (answer)
      if (auto made = answer(url))
        return *made;
    const auto key = url.substr(13, url.find('?') - 13);
    const auto number = std::stoi(url.substr(url.find("partNumber=") + 11));
    const auto id = url.substr(url.find("uploadId=") + 9);
    auto part = store_.put_part(key, id.substr(0, id.find('&')), number, from,
                                tell, stop);
    if (part)
      return link_answer{200, '"' + part->etag + '"', {}, false};
    if (part.error().code == fault_code::store_unavailable
        || part.error().code == fault_code::interrupted)
      return part.error();
    return link_answer{
        part.error().code == fault_code::store_object_missing ? 404 : 400,
        {},
        part.error().what,
        false};
  }
  status check(const std::string& url) const override {
    return url.starts_with("http://store/")
               ? status{}
               : status{fault{.code = fault_code::link_refused,
                              .what = "not there"}};
  }
  status get(const std::string& url, const link_download& what,
             const std::function<status(const link_content&)>& begin,
             const byte_sink& into, std::stop_token stop) override {
    if (auto may = check(url); !may)
      return may;
    const auto key = url.substr(13);
    const auto there = store_.head(key, stop);
    if (!there)
      return there.error();
    if (!*there)
      return fault{.code = fault_code::store_refused, .what = "NoSuchKey"};
    const auto at = what.etag == '"' + (*there)->etag + '"' ? what.at : 0;
    link_content content{at, says_size.value_or((*there)->size),
                         says_etag ? '"' + (*there)->etag + '"' : ""};
    if (auto may = begin(content); !may)
      return may;
    const auto length = std::exchange(cut_after, 0);
    auto got = store_.get(key, at, length, "", into, stop);
    if (!got)
      return std::move(got).error();
    return length > 0 ? status{fake_object_store::away()} : status{};
  }

private:
  fake_object_store& store_;
};

class fake_journal final : public transfer_journal {
public:
  explicit fake_journal(std::shared_ptr<doubles::fake_store> store)
    : store_(std::move(store)) {}
  ~fake_journal() override;
  /// Called before a part is kept; a fault is the answer.
  std::function<status(const object_part&)> before_part;

  status keep(const job_id& job, const transfer_record& what) override {
    const std::scoped_lock lock{store_->mutex};
    return store_->amend({keep_transfer{what, job}}, 1);
  }
  status keep_part(const job_id& job, const std::string& upload,
                   const object_part& part) override {
    if (before_part)
      if (auto may = before_part(part); !may)
        return may;
    const std::scoped_lock lock{store_->mutex};
    return store_->amend({keep_transfer_part{upload, part, job}}, 1);
  }

private:
  std::shared_ptr<doubles::fake_store> store_;
};

/// All of it, with a Panel that signs links into `bucket`.
struct fake_far {
  explicit fake_far(std::shared_ptr<doubles::fake_store> ledger)
    : journal(std::move(ledger)) {
    stores.all["offsite"] = &offsite;
    stores.all["archive"] = &other;
    places.rules.first_wait = places.rules.longest_wait =
        std::chrono::milliseconds{0};
    places.rules.tries = 4;
    places.rules.stream_slack = 0;
  }

  fake_object_store bucket{"panel"};
  fake_object_store offsite{"offsite"};
  fake_object_store other{"archive"};
  fake_stores stores;
  fake_links links{bucket};
  fake_journal journal;
  far_places places{links, stores, journal};

  /// As a Panel answers: a new upload at every call.
  void plan_by(fake_panel& panel, std::int64_t part_size,
               const server_id& server, std::string more = {}) {
    panel.plan = [this, part_size, server, more = std::move(more)](
                     const backup_id& backup,
                     std::int64_t size) -> result<upload_plan> {
      const auto key = server.to_string() + "/" + backup.to_string();
      const auto id = bucket.begin_upload(key, {}).value();
      upload_plan out;
      out.part_size = part_size;
      for (std::int64_t n = 1; (n - 1) * part_size < size; ++n)
        out.urls.push_back(bucket.presign_part(key, id, static_cast<int>(n), {})
                           + more);
      return out;
    };
  }
};

} // namespace alula::jobs
