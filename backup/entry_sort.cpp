#include "backup/entry_sort.hpp"

#include "backup/file_io.hpp"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <utility>

namespace alula::backup {

namespace {

constexpr std::size_t chunk_size = std::size_t{128} * 1024;
/// Chunks held while merging, one of each run.
constexpr std::size_t most_runs = 32;
constexpr std::string_view spool_name = "the spool of the manifest";

/// Before each compressed chunk and before each line in it.
struct chunk_head {
  std::uint32_t packed;
  std::uint32_t plain;
};
struct line_head {
  std::uint32_t path_size;
  std::uint32_t line_size;
  std::uint32_t is_implied;
};

template<class Head>
void append_head(bytes& out, const Head& head) {
  const auto at = out.size();
  out.resize(at + sizeof head);
  std::memcpy(out.data() + at, &head, sizeof head);
}

void append_text(bytes& out, std::string_view text) {
  const auto data = view_of(text);
  out.insert(out.end(), data.begin(), data.end());
}

} // namespace

/// Appends sorted lines to the spool, chunk by chunk.
class entry_sort::run_writer {
public:
  run_writer(int spool, std::uint64_t& size) : spool_(spool), size_(size) {}

  jobs::status add(const item& next) {
    append_head(chunk_, line_head{static_cast<std::uint32_t>(next.path.size()),
                                  static_cast<std::uint32_t>(next.line.size()),
                                  next.is_implied ? 1U : 0U});
    append_text(chunk_, next.path);
    append_text(chunk_, next.line);
    return chunk_.size() < chunk_size ? jobs::status{} : flush();
  }

  jobs::status flush() {
    if (chunk_.empty())
      return {};
    packed_.clear();
    append_head(packed_, chunk_head{});
    encoder_.encode(chunk_, packed_);
    const chunk_head head{
        static_cast<std::uint32_t>(packed_.size() - sizeof head),
        static_cast<std::uint32_t>(chunk_.size())};
    std::memcpy(packed_.data(), &head, sizeof head);
    chunk_.clear();
    size_ += packed_.size();
    return write_all(spool_, packed_, spool_name);
  }

private:
  int spool_;
  std::uint64_t& size_;
  member_encoder encoder_{compression::best_speed};
  bytes chunk_;
  bytes packed_;
};

class entry_sort::run_reader {
public:
  run_reader(int spool, run where) : spool_(spool), where_(where) {}

  /// Goes to the next line; false at the end.
  jobs::result<bool> next() {
    if (rest_.empty()) {
      if (where_.begin == where_.end)
        return false;
      if (auto loaded = load(); !loaded)
        return std::move(loaded).error();
    }
    line_head head{};
    std::memcpy(&head, rest_.data(), sizeof head);
    const auto text = text_of(rest_.subspan(sizeof head));
    now = {text.substr(0, head.path_size),
           text.substr(head.path_size, head.line_size), head.is_implied != 0};
    rest_ = rest_.subspan(sizeof head + head.path_size + head.line_size);
    return true;
  }

  item now{}; ///< valid until next()

private:
  jobs::status load() {
    bytes packed;
    if (auto read = read_at(spool_, where_.begin, sizeof(chunk_head), packed,
                            spool_name);
        !read)
      return read;
    chunk_head head{};
    if (packed.size() == sizeof head)
      std::memcpy(&head, packed.data(), sizeof head);
    if (auto read = read_at(spool_, where_.begin + sizeof head, head.packed,
                            packed, spool_name);
        !read)
      return read;
    auto decoded = decode_member(packed, head.plain);
    if (!decoded || decoded->content.empty())
      return jobs::fault{.code = jobs::fault_code::io_error,
                         .what = "the spool of the manifest does not hold what "
                                 "was written to it"};
    where_.begin += sizeof head + head.packed;
    chunk_ = std::move(decoded->content);
    chunk_.shrink_to_fit();
    rest_ = chunk_;
    return {};
  }

  int spool_;
  run where_;
  bytes chunk_;
  byte_view rest_;
};

/// Several runs as one. Of one path the line of the earlier run comes first.
class entry_sort::run_merger {
public:
  jobs::status open(int spool, const std::vector<run>& runs) {
    for (const auto& each : runs)
      readers_.emplace_back(spool, each);
    for (std::size_t i = 0; i < readers_.size(); ++i)
      if (auto started = advance(i); !started)
        return started;
    return {};
  }

  /// Valid until the next call; nothing at the end.
  jobs::result<std::optional<item>> next() {
    if (taken_)
      if (auto went = advance(*std::exchange(taken_, std::nullopt)); !went)
        return std::move(went).error();
    if (heads_.empty())
      return std::optional<item>{};
    std::ranges::pop_heap(heads_, later{readers_});
    taken_ = heads_.back();
    heads_.pop_back();
    return std::optional{readers_[*taken_].now};
  }

private:
  struct later {
    const std::vector<run_reader>& readers;
    bool operator()(std::size_t a, std::size_t b) const {
      const auto order = readers[a].now.path <=> readers[b].now.path;
      return order == 0 ? a > b : order > 0;
    }
  };

  jobs::status advance(std::size_t which) {
    auto more = readers_[which].next();
    if (!more)
      return std::move(more).error();
    if (*more) {
      heads_.push_back(which);
      std::ranges::push_heap(heads_, later{readers_});
    }
    return {};
  }

  std::vector<run_reader> readers_;
  std::vector<std::size_t> heads_; ///< a heap of those that have a line
  std::optional<std::size_t> taken_;
};

entry_sort::entry_sort(spool_maker make_spool, std::size_t memory)
  : make_spool_(std::move(make_spool)), memory_(memory) {}
entry_sort::~entry_sort() = default;
entry_sort::entry_sort(entry_sort&&) noexcept = default;
entry_sort& entry_sort::operator=(entry_sort&&) noexcept = default;

entry_sort::item entry_sort::item_of(const record& from) const {
  const std::string_view text{text_};
  return {text.substr(from.at, from.path_size),
          text.substr(from.at + from.path_size, from.line_size),
          from.is_implied};
}

jobs::status entry_sort::add(std::string_view path, std::string_view line_text,
                             bool is_implied) {
  records_.push_back({static_cast<std::uint32_t>(text_.size()),
                      static_cast<std::uint32_t>(path.size()),
                      static_cast<std::uint32_t>(line_text.size()),
                      is_implied});
  text_ += path;
  text_ += line_text;
  const auto held = text_.size() + records_.size() * sizeof(record);
  return held < memory_ ? jobs::status{} : spool_memory();
}

void entry_sort::sort_memory() {
  std::ranges::stable_sort(records_, [&](const record& a, const record& b) {
    return item_of(a).path < item_of(b).path;
  });
}

jobs::status entry_sort::spool_memory() {
  if (!spool_.is_open()) {
    auto made = make_spool_();
    if (!made)
      return std::move(made).error();
    spool_ = std::move(*made);
  }
  sort_memory();
  const auto begin = spool_size_;
  run_writer writer{spool_.get(), spool_size_};
  for (const auto& each : records_)
    if (auto written = writer.add(item_of(each)); !written)
      return written;
  if (auto flushed = writer.flush(); !flushed)
    return flushed;
  runs_.push_back({begin, spool_size_});
  records_.clear();
  text_.clear();
  return runs_.size() < most_runs ? jobs::status{} : join_runs();
}

jobs::status entry_sort::join_runs() {
  run_merger merger;
  if (auto opened = merger.open(spool_.get(), runs_); !opened)
    return opened;
  const auto begin = spool_size_;
  run_writer writer{spool_.get(), spool_size_};
  for (;;) {
    auto next = merger.next();
    if (!next)
      return std::move(next).error();
    if (!*next)
      break;
    if (auto written = writer.add(**next); !written)
      return written;
  }
  if (auto flushed = writer.flush(); !flushed)
    return flushed;
  // The room of the parts is given back; where it cannot be, it is when the
  // spool is closed.
  ::fallocate(spool_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              static_cast<off_t>(runs_.front().begin),
              static_cast<off_t>(begin - runs_.front().begin));
  runs_ = {{begin, spool_size_}};
  return {};
}

jobs::status entry_sort::start() {
  is_started_ = true;
  if (runs_.empty()) {
    sort_memory();
    return {};
  }
  if (!records_.empty())
    if (auto spooled = spool_memory(); !spooled)
      return spooled;
  text_ = {};
  records_ = {};
  merger_ = std::make_unique<run_merger>();
  return merger_->open(spool_.get(), runs_);
}

jobs::result<std::optional<entry_sort::item>> entry_sort::next_item() {
  if (merger_)
    return merger_->next();
  if (next_record_ == records_.size())
    return std::optional<item>{};
  return std::optional{item_of(records_[next_record_++])};
}

jobs::result<const entry_sort::line*> entry_sort::next() {
  if (!is_started_) {
    if (auto started = start(); !started)
      return std::move(started).error();
    auto first = next_item();
    if (!first)
      return std::move(first).error();
    ahead_ = *first;
  }
  if (!ahead_)
    return static_cast<const line*>(nullptr);
  current_.path = ahead_->path;
  current_.text = ahead_->line;
  for (;;) {
    auto more = next_item();
    if (!more)
      return std::move(more).error();
    ahead_ = *more;
    if (!ahead_ || ahead_->path != current_.path)
      return &current_;
    if (!ahead_->is_implied)
      current_.text = ahead_->line;
  }
}

} // namespace alula::backup
