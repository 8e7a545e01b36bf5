/// What libcurl asks and tells while one exchange runs. For http_client.cpp
/// only.
#pragma once

#include "remote/http_client.hpp"

#include <curl/curl.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace alula::remote {

/// The sockets of a line. They are known here only: libcurl tells which one a
/// transfer uses when it is over.
class open_sockets {
public:
  void add(int fd) { all_.push_back(fd); }
  void remove(int fd) { std::erase(all_, fd); }
  /// Whether bytes left the kernel's buffers since the last look: on a slow
  /// link they empty for long after a source has given its last byte.
  bool move();

private:
  std::vector<int> all_;
  int left_ = 0;
};

/// What the callbacks fill while one exchange runs.
struct inbox {
  using clock = std::chrono::steady_clock;
  /// All header lines of one answer together; 1xx answers count too.
  static constexpr std::size_t max_headers = std::size_t{256} << 10;

  CURL* easy = nullptr;
  open_sockets* sockets = nullptr;
  const http_request* of = nullptr;
  std::stop_token stop;
  http_head head;
  std::int64_t read_at = 0; ///< of the source
  std::string unread;       ///< why the source could not be read
  bool feed_is_over = false;
  bool forbidden = false;
  const std::function<bool(std::string_view)>* take = nullptr;
  clock::time_point last_sign = clock::now(); ///< of life
  bool had_enough = false;
  std::string body;
  std::size_t max_body = 0;
  std::size_t header_bytes = 0;
  bool too_large = false;
};

/// Of the inbox that `of` or `to` points at; close_socket's is open_sockets.
/// Nothing is thrown through them: there are C frames in between.
namespace curl {

std::size_t give_source(char* into, std::size_t, std::size_t room, void* of);
std::size_t give_feed(char* into, std::size_t, std::size_t room, void* of);
int seek_source(void* of, curl_off_t to, int from);
std::size_t take_body(char* data, std::size_t, std::size_t count, void* to);
std::size_t count_header(char* data, std::size_t, std::size_t count, void* to);
curl_socket_t open_socket(void* of, curlsocktype, curl_sockaddr* address);
int close_socket(void* of, curl_socket_t fd);

} // namespace curl

} // namespace alula::remote
