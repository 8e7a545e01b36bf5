#include "http/backup_files_handlers.hpp"

#include "http/backup_lookup.hpp"
#include "http/backup_presenter.hpp"
#include "http/file_answers.hpp"
#include "http/paging.hpp"
#include "http/reply.hpp"
#include "http/sha256.hpp"
#include "http/text.hpp"
#include "jobs/log.hpp"

#include <memory>
#include <string>
#include <utility>

namespace alula::http {

namespace {

using jobs::fault;
using jobs::fault_code;

constexpr std::size_t default_listing = 1'000, max_listing = 10'000;
constexpr std::size_t most_path_bytes = 4'096; // PATH_MAX

/// What one piece of a file holds in memory, per transfer.
constexpr std::size_t piece_size = 256 * 1'024;

jobs::status check_path(std::string_view name, std::string_view path) {
  if (path.size() > most_path_bytes
      || path.find('\0') != std::string_view::npos)
    return wrong_parameter(name, "a path of at most 4096 bytes");
  return {};
}

struct listing {
  std::string path, after;
  std::size_t limit = default_listing;
};

jobs::result<listing> read_listing(const request& req) {
  if (const auto known = allow_parameters(req, {"path", "after", "limit"});
      !known)
    return known.error();
  listing out;
  out.path = req.query_value("path").value_or("");
  out.after = req.query_value("after").value_or("");
  for (const auto& [name, value] :
       {std::pair{"path", out.path}, std::pair{"after", out.after}})
    if (const auto checked = check_path(name, value); !checked)
      return checked.error();
  if (const auto text = req.query_value("limit")) {
    const auto limit = parse_page_size(*text, max_listing);
    if (!limit)
      return wrong_parameter("limit", "a positive number");
    out.limit = *limit;
  }
  return out;
}

/// Reads a file out of an archive on the threads of the desk, for whom the
/// thread works that makes it: it is pulled by one that works for nobody.
class content_source final
  : public body_source,
    public std::enable_shared_from_this<content_source> {
public:
  content_source(api_ptr api, std::unique_ptr<jobs::content_reader> reader,
                 std::shared_ptr<void> place)
    : api_(std::move(api)), reader_(std::move(reader)),
      place_(std::move(place)) {}

  /// An archive that is being read ends when its disk lets it: not on the
  /// thread that serves everybody.
  ~content_source() override {
    const jobs::log_scope as{whose_};
    (void)api_->backups.run(
        [reader = std::shared_ptr<jobs::content_reader>{std::move(reader_)},
         place = std::move(place_)]() mutable {
          reader.reset();
          place.reset();
        });
  }
  content_source(const content_source&) = delete;
  content_source& operator=(const content_source&) = delete;

  void pull(std::function<void(jobs::result<std::string>)> give) override {
    // Not read any more when the client has gone meanwhile.
    auto read = [mine = weak_from_this(), give] {
      if (const auto self = mine.lock())
        give(self->read_piece());
    };
    bool is_taken = false;
    { // Ends before `give`, with which this may end.
      const jobs::log_scope as{whose_};
      // Half a file is worth more than a busy desk.
      is_taken = api_->backups.run(read) || api_->later.run(read);
    }
    if (!is_taken)
      give(fault{.code = fault_code::rate_limited,
                 .what = "too many files are read at once"});
  }

private:
  jobs::result<std::string> read_piece() {
    std::string piece;
    // The caller holds one reference; the door lets go of its own when the
    // client is gone.
    const auto is_wanted = [this] { return weak_from_this().use_count() > 1; };
    if (auto read = reader_->read_while(is_wanted, piece_size, piece); !read)
      return std::move(read).error();
    return piece;
  }

  const api_ptr api_;
  const jobs::log_context whose_; ///< of the request
  std::unique_ptr<jobs::content_reader> reader_;
  std::shared_ptr<void> place_;
};

std::string etag_of(const jobs::backup_record& backup, std::string_view path,
                    const jobs::content_reader& file) {
  const auto text = backup.uuid.to_string() + '\n' + backup.facts.sha1 + '\n'
                    + std::to_string(file.size()) + '\n'
                    + std::to_string(file.modified_at()) + '\n'
                    + std::string{path};
  constexpr std::size_t enough = 32; // 128 bits
  return '"' + to_hex(sha256(text)).substr(0, enough) + '"';
}

void send_file_of(const api_ptr& api, const exchange_ptr& call,
                  const jobs::backup_record& backup, const std::string& path,
                  std::unique_ptr<jobs::content_reader> file) {
  file_facts facts;
  facts.size = file->size();
  facts.modified_at = file->modified_at();
  facts.etag = etag_of(backup, path, *file);
  facts.name = path.substr(path.find_last_of('/') + 1);
  auto place = api->transfers->take(call->req().param("server"));
  if (!place)
    return reply_fault(call, place.error());
  // A compressed stream has no middle to begin at.
  auto whole = call->req();
  std::erase_if(whole.headers, [](const auto& h) {
    return equal_ignoring_case(h.first, "Range");
  });
  auto plan = plan_file(whole, facts);
  for (auto& [name, value] : plan.head.headers)
    if (name == "Accept-Ranges")
      value = "none";
  if (!plan.body)
    return call->reply(std::move(plan.head));
  call->reply_pulled(std::move(plan.head), facts.size,
                     std::make_shared<content_source>(api, std::move(file),
                                                      *std::move(place)));
}

} // namespace

void browse_backup(const api_ptr& api, const exchange_ptr& call) {
  const auto asked = read_listing(call->req());
  if (!asked)
    return reply_fault(call, asked.error());
  with_backup(
      api, call,
      [api, call, asked = *asked](const jobs::backup_record& backup) {
        if (const auto readable = check_readable(backup, needed::manifest);
            !readable)
          return reply_fault(call, readable.error());
        const auto self = "/api/servers/"
                          + std::string{call->req().param("server")}
                          + "/backup/" + backup.uuid.to_string();
        api->backups.browse(
            backup.uuid, asked.path, asked.after, asked.limit,
            [call, asked, self](const jobs::result<jobs::browse_page>& page) {
              if (!page)
                return reply_fault(call, page.error());
              const auto next = url_with(call->req(), "after", page->next);
              auto answer = json_answer(
                  200, present_directory(self, asked.path, *page, next));
              if (!page->next.empty())
                answer.headers.emplace_back("Link",
                                            "<" + next + ">; rel=\"next\"");
              answer.headers.emplace_back("Cache-Control", "no-cache");
              call->reply(std::move(answer));
            });
      });
}

void send_content(const api_ptr& api, const exchange_ptr& call) {
  const auto known = allow_parameters(call->req(), {"path"});
  if (!known)
    return reply_fault(call, known.error());
  const auto given = call->req().query_value("path");
  if (!given || given->empty())
    return reply_fault(call, wrong_parameter("path", "a file of the backup"));
  if (const auto checked = check_path("path", *given); !checked)
    return reply_fault(call, checked.error());
  with_backup(
      api, call,
      [api, call,
       path = std::string{*given}](const jobs::backup_record& backup) {
        if (const auto readable = check_readable(backup, needed::archive);
            !readable)
          return reply_fault(call, readable.error());
        api->backups.open_content(
            backup.uuid, path,
            [api, call, backup,
             path](jobs::result<std::unique_ptr<jobs::content_reader>> file) {
              if (!file)
                return reply_fault(call, file.error());
              send_file_of(api, call, backup, path, *std::move(file));
            });
      });
}

} // namespace alula::http
