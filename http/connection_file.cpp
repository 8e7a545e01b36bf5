#include "http/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace alula::http {

namespace {

/// What one call sends: other connections are served between two.
constexpr std::int64_t pushed_piece = 512 * 1'024;
/// What a TLS connection holds of a file.
constexpr std::int64_t copied_piece = 64 * 1'024;
/// Read ahead of the client, so that the I/O thread does not wait for a disk,
/// and dropped behind it: a download must not evict what games have cached.
constexpr std::int64_t window = 4 * 1'024 * 1'024;

} // namespace

struct connection::file_sending {
  int descriptor;
  std::int64_t offset;
  std::int64_t left;
  std::int64_t length;
  completion done;
  std::int64_t asked_to;  ///< the disk was asked to read up to here
  std::int64_t kept_from; ///< dropped from the cache up to here
  std::vector<char> piece = {};

  void advance(std::int64_t by) {
    offset += by;
    left -= by;
    if (offset + window / 2 < asked_to)
      return;
    if (left > 0)
      ::posix_fadvise(descriptor, asked_to, window, POSIX_FADV_WILLNEED);
    asked_to = std::max(asked_to, offset) + window;
    if (offset - kept_from >= 2 * window) {
      ::posix_fadvise(descriptor, kept_from, offset - window - kept_from,
                      POSIX_FADV_DONTNEED);
      kept_from = offset - window;
    }
  }
};

void connection::send_file(int descriptor, std::int64_t offset,
                           std::int64_t length, completion done) {
  auto what = std::make_shared<file_sending>(file_sending{
      descriptor, offset, length, length, std::move(done), offset, offset});
  what->advance(0);
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
  if (tls_) {
    what->piece.resize(
        static_cast<std::size_t>(std::min(what->length, copied_piece)));
    copy_file(what);
    return;
  }
  std::error_code failed;
  socket_.native_non_blocking(true, failed);
  // The caller is not to be called back from inside the call.
  asio::post(socket_.get_executor(), [self = shared_from_this(), what, failed] {
    if (failed)
      self->end_file(what, failed);
    else
      self->push_file(what);
  });
}

void connection::push_file(const file_ptr& what) {
  if (phase_ == phase::ended || what->left == 0) {
    end_file(what, what->left == 0
                       ? std::error_code{}
                       : std::error_code{asio::error::operation_aborted});
    return;
  }
  off_t from = what->offset;
  const auto sent =
      ::sendfile(socket_.native_handle(), what->descriptor, &from,
                 static_cast<std::size_t>(std::min(what->left, pushed_piece)));
  if (sent < 0 && errno == EAGAIN) {
    socket_.async_wait(
        asio::socket_base::wait_write,
        [self = shared_from_this(), what](const std::error_code& ec) {
          if (ec)
            self->end_file(what, ec);
          else
            self->push_file(what);
        });
    return;
  }
  if (sent == 0 || (sent < 0 && errno != EINTR)) {
    end_file(what, sent == 0 ? asio::error::make_error_code(asio::error::eof)
                             : std::error_code{errno, std::system_category()});
    return;
  }
  const auto size = std::max<std::int64_t>(sent, 0);
  taken_ += static_cast<std::size_t>(size);
  what->advance(size);
  asio::post(socket_.get_executor(),
             [self = shared_from_this(), what] { self->push_file(what); });
}

void connection::copy_file(const file_ptr& what) {
  if (what->left == 0) {
    end_file(what, {});
    return;
  }
  const auto most = std::min<std::int64_t>(
      what->left, static_cast<std::int64_t>(what->piece.size()));
  ssize_t got = 0;
  do
    got = ::pread(what->descriptor, what->piece.data(),
                  static_cast<std::size_t>(most), what->offset);
  while (got < 0 && errno == EINTR);
  if (got <= 0) {
    const auto why = got == 0 ? asio::error::make_error_code(asio::error::eof)
                              : std::error_code{errno, std::system_category()};
    asio::post(socket_.get_executor(), [self = shared_from_this(), what, why] {
      self->end_file(what, why);
    });
    return;
  }
  asio::async_write(
      *tls_, asio::buffer(what->piece.data(), static_cast<std::size_t>(got)),
      [self = shared_from_this(), what](const std::error_code& ec,
                                        std::size_t size) {
        self->taken_ += size;
        what->advance(static_cast<std::int64_t>(size));
        if (ec)
          self->end_file(what, ec);
        else
          self->copy_file(what);
      });
}

void connection::end_file(const file_ptr& what, const std::error_code& ec) {
  taken(0);
  what->done(ec, static_cast<std::size_t>(what->length - what->left));
  write_next();
}

} // namespace alula::http
