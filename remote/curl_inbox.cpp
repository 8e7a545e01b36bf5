#include "remote/curl_inbox.hpp"

#include "jobs/ascii.hpp"

#include <algorithm>
#include <cstdio>
#include <linux/sockios.h>
#include <optional>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace alula::remote {

namespace {

/// A status line begins an answer, an empty line ends what is before its body;
/// those of 1xx answers are forgotten by the next one.
bool note_header(inbox& in, std::string_view line) {
  while (line.ends_with('\n') || line.ends_with('\r'))
    line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {
    in.head = {};
    return true;
  }
  if (line.empty()) {
    long status = 0;
    curl_easy_getinfo(in.easy, CURLINFO_RESPONSE_CODE, &status);
    in.head.status = static_cast<int>(status);
    return status < 200 || !in.of->begin || in.of->begin(in.head);
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos)
    return true;
  in.head.headers.emplace_back(jobs::lowered(line.substr(0, colon)),
                               jobs::trimmed(line.substr(colon + 1)));
  return true;
}

/// The wait for others who send is not the peer's silence.
bool has_turn(inbox& in, std::uint64_t size) {
  if (in.of->send_limit == nullptr)
    return true;
  try {
    if (!in.of->send_limit->pass(size, in.stop))
      in.unread = "asked to stop";
  } catch (...) { // must not pass through C frames
    in.unread = "out of memory";
  }
  in.last_sign = inbox::clock::now();
  return in.unread.empty();
}

} // namespace

bool open_sockets::move() {
  int now = 0;
  for (const int fd : all_)
    if (int left = 0; ioctl(fd, SIOCOUTQ, &left) == 0)
      now += left;
  return now < std::exchange(left_, now);
}

namespace curl {

std::size_t give_source(char* into, std::size_t, std::size_t room, void* of) {
  auto& in = *static_cast<inbox*>(of);
  in.last_sign = inbox::clock::now();
  const auto& source = *in.of->source;
  const auto left = source.size() - in.read_at;
  if (in.of->send_limit != nullptr)
    room = std::min(room, jobs::shared_rate::turn);
  const auto size = std::min(static_cast<std::int64_t>(room), left);
  if (size <= 0)
    return 0;
  if (!has_turn(in, static_cast<std::uint64_t>(size)))
    return CURL_READFUNC_ABORT;
  const auto got =
      source.read(in.read_at, {into, static_cast<std::size_t>(size)});
  if (!got) {
    in.unread = got.error().what;
    return CURL_READFUNC_ABORT;
  }
  in.read_at += size;
  if (in.of->sent)
    in.of->sent(in.read_at);
  return static_cast<std::size_t>(size);
}

/// The wait for what it gives is not the peer's silence.
std::size_t give_feed(char* into, std::size_t, std::size_t room, void* of) {
  auto& in = *static_cast<inbox*>(of);
  std::optional<std::size_t> given;
  try {
    given = in.of->feed({into, room});
  } catch (...) { // must not pass through C frames
  }
  in.last_sign = inbox::clock::now();
  if (!given) {
    in.unread = "what was to be sent cannot be read";
    return CURL_READFUNC_ABORT;
  }
  in.feed_is_over = *given == 0;
  return *given;
}

int seek_source(void* of, curl_off_t to, int from) {
  if (from != SEEK_SET)
    return CURL_SEEKFUNC_FAIL;
  static_cast<inbox*>(of)->read_at = to;
  return CURL_SEEKFUNC_OK;
}

std::size_t take_body(char* data, std::size_t, std::size_t count, void* to) {
  auto& in = *static_cast<inbox*>(to);
  in.last_sign = inbox::clock::now();
  long status = 0;
  if (in.take != nullptr
      && curl_easy_getinfo(in.easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK
      && status >= 200 && status < 300) {
    in.had_enough = !(*in.take)({data, count});
    return in.had_enough ? CURL_WRITEFUNC_ERROR : count;
  }
  if (count > in.max_body - in.body.size()) {
    in.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  try {
    in.body.append(data, count);
  } catch (...) { // must not pass through C frames
    in.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  return count;
}

std::size_t count_header(char* data, std::size_t, std::size_t count, void* to) {
  auto& in = *static_cast<inbox*>(to);
  in.last_sign = inbox::clock::now();
  in.header_bytes += count;
  in.too_large = in.header_bytes > inbox::max_headers;
  if (in.too_large)
    return CURL_WRITEFUNC_ERROR;
  if (in.of->take && !in.of->begin)
    return count; // a stream of the day, whose headers nobody looks at
  try {
    in.had_enough = !note_header(in, {data, count});
  } catch (...) { // must not pass through C frames
    in.too_large = true;
  }
  return in.had_enough || in.too_large ? CURL_WRITEFUNC_ERROR : count;
}

curl_socket_t open_socket(void* of, curlsocktype, curl_sockaddr* address) {
  auto& in = *static_cast<inbox*>(of);
  if (in.of->may_connect && !in.of->may_connect(address->addr)) {
    in.forbidden = true;
    return CURL_SOCKET_BAD;
  }
  const int fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
                        address->protocol);
  if (fd < 0)
    return CURL_SOCKET_BAD;
  try {
    in.sockets->add(fd);
  } catch (...) { // must not pass through C frames
    close(fd);
    return CURL_SOCKET_BAD;
  }
  return fd;
}

int close_socket(void* of, curl_socket_t fd) {
  static_cast<open_sockets*>(of)->remove(fd);
  return close(fd);
}

} // namespace curl

} // namespace alula::remote
