// A file on its way to the client. The I/O thread touches only what the kernel
// has at hand: sendfile(2) and pread(2) wait for a disk whatever the mode of
// the socket, and with them everybody would.
#include "http/connection.hpp"
#include "jobs/log.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

/// What one call sends: other connections are served between two.
constexpr std::int64_t pushed_piece = 512 * 1'024;
/// What a connection holds of a file that is copied.
constexpr std::int64_t copied_piece = 128 * 1'024;
/// One byte of so many tells whether they are in the cache: the kernel reads
/// and drops more at a time than that.
constexpr std::int64_t looked_at = 128 * 1'024;
/// Read ahead of the client, and dropped behind it: a download must not evict
/// what games have cached.
constexpr std::int64_t window = 4 * 1'024 * 1'024;

constexpr std::string_view became_shorter = "the file became shorter";

/// Never waits. Nothing was read where the cache does not have it, and on file
/// systems that cannot promise this at all (network mounts, FUSE): those may
/// ask their server even about what is in the cache.
ssize_t read_cached(int file, void* into, std::int64_t size, std::int64_t at) {
  iovec where{into, static_cast<std::size_t>(size)};
  return ::preadv2(file, &where, 1, at, RWF_NOWAIT);
}

/// What sending fails with when the client, or the way to it, has gone.
bool is_of_client(int error) {
  return error == EPIPE || error == ECONNRESET || error == ETIMEDOUT
         || error == EHOSTUNREACH || error == ENETUNREACH;
}

} // namespace

struct connection::file_sending {
  file_sending(std::shared_ptr<const file_slice> what, completion then)
    : file(std::move(what)), done(std::move(then)) {}

  const std::shared_ptr<const file_slice> file;
  const completion done;
  const int descriptor = file->descriptor;
  std::int64_t offset = file->offset;
  std::int64_t left = file->length;
  std::int64_t asked_to = offset;  ///< the disk was asked to read up to here
  std::int64_t kept_from = offset; ///< dropped from the cache up to here
  std::vector<char> piece;         ///< copied, and not all written
  std::size_t written = 0;         ///< of it

  std::int64_t pushable() const { return std::min(left, pushed_piece); }
  bool can_be_pushed() const {
    char byte = 0;
    const auto end = offset + pushable();
    for (auto at = offset; at < end; at += looked_at)
      if (read_cached(descriptor, &byte, 1, at) != 1)
        return false;
    return read_cached(descriptor, &byte, 1, end - 1) == 1;
  }

  void make_piece() {
    piece.resize(static_cast<std::size_t>(std::min(left, copied_piece)));
    written = 0;
  }
  bool copy_cached() {
    make_piece();
    const auto got = read_cached(descriptor, piece.data(),
                                 std::min(left, copied_piece), offset);
    if (got > 0)
      piece.resize(static_cast<std::size_t>(got));
    return got > 0;
  }
  /// Bytes that the disk is asked to read ahead; 0 as long as enough is on its
  /// way.
  std::int64_t ask_ahead() {
    if (offset + window / 2 < asked_to)
      return 0;
    asked_to = offset + window;
    return std::min(left, window);
  }

  void advance(std::int64_t by) {
    offset += by;
    left -= by;
    if (offset - kept_from >= 2 * window) {
      ::posix_fadvise(descriptor, kept_from, offset - window - kept_from,
                      POSIX_FADV_DONTNEED);
      kept_from = offset - window;
    }
  }
};

void connection::take_file(std::shared_ptr<const file_slice> file) {
  if (phase_ != phase::ended)
    file_ = std::move(file);
}

void connection::send_file(completion done) {
  if (!file_) { // it went with the connection
    asio::post(socket_.get_executor(), [done = std::move(done)] {
      done(asio::error::operation_aborted, 0);
    });
    return;
  }
  auto what = std::make_shared<file_sending>(std::exchange(file_, nullptr),
                                             std::move(done));
  if (!is_writing_) {
    begin_file(what);
    return;
  }
  waiting_.push_back(
      [self = shared_from_this(), what](const std::error_code& ec) {
        if (ec)
          what->done(ec, 0);
        else
          self->begin_file(what);
      });
}

void connection::begin_file(const file_ptr& what) {
  begin_writing();
  std::error_code failed;
  if (!tls_)
    socket_.native_non_blocking(true, failed);
  // The caller is not to be called back from inside the call.
  asio::post(socket_.get_executor(), [self = shared_from_this(), what, failed] {
    if (failed)
      self->end_file(what, failed);
    else
      self->send_next(what);
  });
}

void connection::send_next(const file_ptr& what) {
  if (phase_ == phase::ended || what->left == 0)
    end_file(what, what->left == 0
                       ? std::error_code{}
                       : std::error_code{asio::error::operation_aborted});
  else if (tls_ && what->copy_cached())
    write_piece(what);
  else if (!tls_ && what->can_be_pushed())
    push_file(what);
  else
    fetch_piece(what);
}

void connection::push_file(const file_ptr& what) {
  off_t from = what->offset;
  const auto wanted = what->pushable();
  const auto sent = ::sendfile(socket_.native_handle(), what->descriptor, &from,
                               static_cast<std::size_t>(wanted));
  if (sent == 0)
    return cut_file(what, asio::error::eof, became_shorter);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    const std::error_code failed{errno, std::system_category()};
    return is_of_client(failed.value())
               ? end_file(what, failed)
               : cut_file(what, failed, failed.message());
  }
  const auto size = std::max<std::int64_t>(sent, 0);
  taken_ += static_cast<std::size_t>(size);
  what->advance(size);
  if (size == wanted) {
    asio::post(socket_.get_executor(),
               [self = shared_from_this(), what] { self->send_next(what); });
    return;
  }
  socket_.async_wait(
      asio::socket_base::wait_write,
      [self = shared_from_this(), what](const std::error_code& ec) {
        if (ec)
          self->end_file(what, ec);
        else
          self->send_next(what);
      });
}

/// However long that takes, it is not the client that is slow. One that sends
/// nothing more may have gone, though: nothing is sent now that would tell.
void connection::wait_for_disk() {
  write_deadline_ = input_over_ ? clock::now() + limits_.half_closed
                                : clock::time_point::max();
}

/// Another thread reads the next piece.
void connection::fetch_piece(const file_ptr& what) {
  what->make_piece();
  wait_for_disk();
  fetching_ = what;
  const bool is_taken = host_.read_beside(
      {.file = what->descriptor,
       .hold = what->file->hold,
       .offset = what->offset,
       .ahead = what->ask_ahead(),
       .into = std::move(what->piece),
       .whose = what,
       .done = [late = weak_from_this()](std::vector<char> bytes,
                                         const std::error_code& failed) {
         if (const auto self = late.lock())
           self->piece_came(std::move(bytes), failed);
       }});
  if (!is_taken) {
    fetching_.reset();
    watch_pace();
    cut_file(what, asio::error::no_buffer_space,
             "too many pieces wait for its disk, or no thread is left");
  }
}

void connection::piece_came(std::vector<char> bytes,
                            const std::error_code& failed) {
  const auto what = std::exchange(fetching_, nullptr);
  if (!what) // it was told the end of the connection
    return;
  watch_pace();
  what->piece = std::move(bytes);
  if (failed)
    cut_file(what, failed, failed.message());
  else if (what->piece.empty())
    cut_file(what, asio::error::eof, became_shorter);
  else
    write_piece(what);
}

void connection::write_piece(const file_ptr& what) {
  auto taken = [self = shared_from_this(), what](const std::error_code& ec,
                                                 std::size_t size) {
    self->taken_ += size;
    what->written += size;
    what->advance(static_cast<std::int64_t>(size));
    if (ec)
      self->end_file(what, ec);
    else if (what->written < what->piece.size())
      self->write_piece(what);
    else
      self->send_next(what);
  };
  const auto rest = asio::buffer(what->piece) + what->written;
  if (tls_)
    tls_->async_write_some(rest, std::move(taken));
  else
    socket_.async_write_some(rest, std::move(taken));
}

/// The client sees that it is not whole, and this node is why.
void connection::cut_file(const file_ptr& what, const std::error_code& ec,
                          std::string_view why) {
  jobs::log(jobs::log_level::warning, "answer-cut",
            {{"remote", remote}, {"why", why}});
  end_file(what, ec);
}

void connection::end_file(const file_ptr& what, const std::error_code& ec) {
  taken(0);
  what->done(ec, static_cast<std::size_t>(what->file->length - what->left));
  write_next();
}

} // namespace alula::http
