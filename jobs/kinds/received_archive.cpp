#include "jobs/kinds/received_archive.hpp"

#include "jobs/ascii.hpp"
#include "jobs/multipart.hpp"
#include "jobs/ports.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <string>
#include <unistd.h>
#include <utility>

namespace alula::jobs {

namespace {

/// Kept ahead of an archive whose size nobody says.
constexpr std::int64_t room_ahead = std::int64_t{16} << 20;
/// Of parts that are none of ours: what a newer sender may have to say.
constexpr std::size_t most_skipped = std::size_t{1} << 20;
constexpr std::size_t sha256_digits = 64;

fault malformed(std::string what) {
  return {
      .code = fault_code::malformed, .what = std::move(what), .where = "body"};
}

/// Lets go of the sender however the reading ends.
class taken_body {
public:
  explicit taken_body(std::shared_ptr<body_pipe> body)
    : body_(std::move(body)) {}
  ~taken_body() { body_->abandon(); }
  taken_body(const taken_body&) = delete;
  taken_body& operator=(const taken_body&) = delete;

  result<std::size_t> read(std::span<char> into, const std::stop_token& stop) {
    return body_->read(into, stop);
  }

private:
  std::shared_ptr<body_pipe> body_;
};

/// The unfinished file, which grows as fast as there is room.
class growing_file {
public:
  growing_file(step_context& ctx, descriptor file, std::int64_t announced)
    : ctx_(ctx), file_(std::move(file)), announced_(announced) {}

  status take(std::string_view piece) {
    const auto end = at_ + static_cast<std::int64_t>(piece.size());
    if (end > kept_)
      if (auto room = keep_room(end); !room)
        return room;
    while (!piece.empty()) {
      const auto put = ::pwrite(file_.get(), piece.data(), piece.size(), at_);
      if (put < 0 && errno == EINTR)
        continue;
      if (put < 0)
        return system_fault(errno, "pwrite", "an incoming archive");
      at_ += put;
      piece.remove_prefix(static_cast<std::size_t>(put));
    }
    ctx_.report({.done = at_,
                 .total = std::max(announced_, at_),
                 .unit = "bytes",
                 .message = "receiving the archive"});
    return {};
  }

private:
  status keep_room(std::int64_t end) {
    const auto ahead =
        announced_ > end ? announced_ - at_ : end - at_ + room_ahead;
    auto room = ctx_.node.archives.reserve(ctx_.job.id, {.bytes = ahead});
    kept_ = at_ + ahead;
    return room;
  }

  step_context& ctx_;
  descriptor file_;
  const std::int64_t announced_;
  std::int64_t at_ = 0;
  std::int64_t kept_ = 0; ///< there is room up to here
};

/// Not longer than a checksum is; what does not fit is none.
result<std::string> short_text(multipart_reader& parts) {
  std::string text;
  for (;;) {
    const auto piece = parts.read();
    if (!piece)
      return piece.error();
    if (piece->empty())
      return text;
    if (text.size() + piece->size() > sha256_digits)
      return malformed("the part \"checksum\" is longer than the 64 digits of "
                       "a SHA-256");
    text += *piece;
  }
}

result<std::string> read_checksum(multipart_reader& parts) {
  auto text = short_text(parts);
  if (!text)
    return text;
  const bool is_sum = text->size() == sha256_digits
                      && std::ranges::all_of(*text, [](unsigned char c) {
                           return std::isxdigit(c) != 0;
                         });
  if (!is_sum)
    return malformed("the part \"checksum\" is not the 64 hexadecimal digits "
                     "of a SHA-256, without a line break");
  return lowered(*text);
}

/// The parts of one request, in their order.
class transfer_body {
public:
  transfer_body(step_context& ctx, multipart_reader& parts,
                std::int64_t announced)
    : ctx_(ctx), parts_(parts), announced_(announced) {}

  result<archive_facts> read() {
    for (;;) {
      const auto part = parts_.next();
      if (!part)
        return part.error();
      if (!*part)
        return judge();
      if (auto taken = take((*part)->name); !taken)
        return std::move(taken).error();
    }
  }

private:
  status take(const std::string& name) {
    if (name == "archive")
      return take_archive();
    if (name == "checksum")
      return take_checksum();
    others_ += " " + name.substr(0, 64);
    return skip();
  }

  status take_archive() {
    if (has_archive_)
      return malformed("the body has a second part \"archive\"");
    has_archive_ = true;
    auto file = ctx_.node.archives.open_part(
        part_of_transfer(ctx_.job), ctx_.job.id, archive_half::archive);
    if (!file)
      return std::move(file).error();
    growing_file into{ctx_, *std::move(file), announced_};
    auto found = ctx_.node.archives.hash(
        [&](const archive_sink& sums) { return copy(into, sums); });
    if (!found)
      return std::move(found).error();
    facts_ = *std::move(found);
    return {};
  }

  status copy(growing_file& into, const archive_sink& sums) {
    return read_part([&](std::string_view piece) -> status {
      if (auto put = into.take(piece); !put)
        return put;
      return sums(piece);
    });
  }

  /// Gives all of the part that begins here.
  template<class Use>
  status read_part(Use use) {
    for (;;) {
      const auto piece = parts_.read();
      if (!piece)
        return piece.error();
      if (piece->empty())
        return {};
      if (auto used = use(*piece); !used)
        return used;
    }
  }

  status take_checksum() {
    if (!has_archive_)
      return malformed("the part \"checksum\" comes before the part "
                       "\"archive\"");
    if (!checksum_.empty())
      return malformed("the body has a second part \"checksum\"");
    auto found = read_checksum(parts_);
    if (!found)
      return std::move(found).error();
    checksum_ = *std::move(found);
    return {};
  }

  status skip() {
    return read_part([&](std::string_view piece) -> status {
      skipped_ += piece.size();
      if (skipped_ <= most_skipped)
        return {};
      return malformed("the body has too much in parts that are neither "
                       "\"archive\" nor \"checksum\":"
                       + others_);
    });
  }

  result<archive_facts> judge() {
    const auto also = others_.empty() ? std::string{} : ", only" + others_;
    if (!has_archive_)
      return malformed("the body has no part \"archive\"" + also);
    if (checksum_.empty())
      return malformed("the body has no part \"checksum\"" + also);
    if (checksum_ != facts_.sha256)
      return fault{.code = fault_code::backup_damaged,
                   .what = "the archive that came has the SHA-256 "
                           + facts_.sha256 + " and not " + checksum_
                           + ", which its sender has counted",
                   .where = "checksum"};
    return facts_;
  }

  step_context& ctx_;
  multipart_reader& parts_;
  const std::int64_t announced_;
  bool has_archive_ = false;
  archive_facts facts_;
  std::string checksum_;
  std::string others_;
  std::size_t skipped_ = 0;
};

} // namespace

backup_id part_of_transfer(const job_record& job) {
  return backup_id::parse(job.id.view()).value_or(backup_id{});
}

result<archive_facts> receive_archive(step_context& ctx,
                                      incoming_transfer request) {
  taken_body body{std::move(request.body)};
  multipart_reader parts{request.boundary, [&](std::span<char> into) {
                           return body.read(into, ctx.stop);
                         }};
  return transfer_body{ctx, parts, request.length}.read();
}

} // namespace alula::jobs
