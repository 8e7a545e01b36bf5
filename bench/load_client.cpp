/// Asks one HTTP server on loopback as fast as it answers, on so many
/// keep-alive connections, one request under way on each.
///
///   load_client [--hold] PORT CLIENTS REQUESTS <request
///
/// The request stands on standard input as it goes over the wire; each
/// "{uuid}" in it becomes a fresh UUID, the same within one request. Prints
/// one JSON object. With --hold every client asks once; "sent" is printed when
/// all have, and the result says when the first and the last answer came.
#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <iterator>
#include <map>
#include <netinet/tcp.h>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
  std::cerr << "load_client: " << what << ": " << std::strerror(errno) << '\n';
  std::exit(1);
}

/// Unix time in milliseconds.
double wall_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}

std::string fresh_uuid(std::mt19937_64& random) {
  char text[37];
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-8%03x-%012llx",
                static_cast<unsigned>(random() & 0xffffffff),
                static_cast<unsigned>(random() & 0xffff),
                static_cast<unsigned>(random() & 0xfff),
                static_cast<unsigned>(random() & 0xfff),
                static_cast<unsigned long long>(random() & 0xffffffffffff));
  return text;
}

std::string fill(std::string request, std::mt19937_64& random) {
  static constexpr std::string_view hole = "{uuid}";
  auto at = request.find(hole);
  if (at == std::string::npos)
    return request;
  const auto uuid = fresh_uuid(random);
  for (; at != std::string::npos; at = request.find(hole, at))
    request.replace(at, hole.size(), uuid);
  return request;
}

struct answer {
  int status;
  std::size_t size; ///< of all of it
};

/// Nothing while it is not whole.
std::optional<answer> read_answer(std::string_view data) {
  const auto head = data.find("\r\n\r\n");
  if (head == std::string_view::npos || data.size() < 12)
    return std::nullopt;
  answer found{std::atoi(data.data() + 9), head + 4};
  for (auto line = data.find("\r\n"); line < head;
       line = data.find("\r\n", line + 2)) {
    static constexpr std::string_view name = "content-length:";
    const auto field = data.substr(line + 2, name.size());
    if (std::equal(field.begin(), field.end(), name.begin(), name.end(),
                   [](char a, char b) { return (a | 0x20) == (b | 0x20); }))
      found.size += static_cast<std::size_t>(
          std::strtoul(data.data() + line + 2 + name.size(), nullptr, 10));
  }
  if (data.size() < found.size)
    return std::nullopt;
  return found;
}

struct connection {
  int fd = -1;
  std::string out;
  std::string in;
  steady::time_point asked;
};

struct load {
  std::uint16_t port;
  std::size_t clients;
  std::size_t requests;
  bool hold;
  std::string request;

  std::mt19937_64 random{std::random_device{}()};
  std::vector<connection> all;
  int poll = -1;
  std::size_t asked = 0, answered = 0, lost = 0;
  std::map<int, std::size_t> by_status;
  std::vector<double> latencies; ///< milliseconds
  double first = 0, last = 0;

  void run();
  void open(connection& c);
  void ask(connection& c);
  void push(connection& c);
  void on_ready(connection& c, std::uint32_t what);
  void print(double seconds);
};

void load::open(connection& c) {
  c.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (c.fd < 0
      || ::connect(c.fd, reinterpret_cast<const sockaddr*>(&to), sizeof to)
             != 0)
    fail("connect");
  const int on = 1;
  ::setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &c;
  if (::epoll_ctl(poll, EPOLL_CTL_ADD, c.fd, &event) != 0)
    fail("epoll_ctl");
}

void load::ask(connection& c) {
  ++asked;
  c.out = fill(request, random);
  c.asked = steady::now();
  push(c);
}

/// Requests are small beside a socket's buffer, so that waiting here is rare.
void load::push(connection& c) {
  for (std::size_t sent = 0; sent < c.out.size();) {
    const auto n =
        ::send(c.fd, c.out.data() + sent, c.out.size() - sent, MSG_NOSIGNAL);
    if (n < 0)
      return; // the reading side sees the end, too
    sent += static_cast<std::size_t>(n);
  }
}

void load::on_ready(connection& c, std::uint32_t what) {
  char buffer[65536];
  const auto n = (what & EPOLLIN) != 0
                     ? ::recv(c.fd, buffer, sizeof buffer, MSG_DONTWAIT)
                     : 0;
  if (n < 0 && errno == EAGAIN)
    return;
  if (n <= 0) {
    ::close(c.fd);
    ++lost;
    ++answered;
    c = {};
    if (asked < requests && lost < requests / 10 + 10) {
      open(c);
      ask(c);
    }
    return;
  }
  c.in.append(buffer, static_cast<std::size_t>(n));
  while (const auto got = read_answer(c.in)) {
    c.in.erase(0, got->size);
    if (got->status < 200)
      continue;
    last = wall_ms();
    if (answered++ == 0)
      first = last;
    ++by_status[got->status];
    latencies.push_back(
        std::chrono::duration<double, std::milli>(steady::now() - c.asked)
            .count());
    if (asked < requests)
      ask(c);
  }
}

void load::run() {
  poll = ::epoll_create1(EPOLL_CLOEXEC);
  all.resize(clients);
  for (auto& c : all)
    open(c);
  const auto start = steady::now();
  for (auto& c : all)
    if (asked < requests)
      ask(c);
  if (hold)
    std::cout << "sent" << std::endl;
  std::vector<epoll_event> events(256);
  while (answered < requests) {
    const int n = ::epoll_wait(poll, events.data(),
                               static_cast<int>(events.size()), 60'000);
    if (n <= 0)
      fail("no answer in a minute");
    for (int i = 0; i < n; ++i) {
      const auto& event = events[static_cast<std::size_t>(i)];
      on_ready(*static_cast<connection*>(event.data.ptr), event.events);
    }
    if (lost >= requests / 10 + 10)
      fail("too many connections were closed");
  }
  print(std::chrono::duration<double>(steady::now() - start).count());
}

void load::print(double seconds) {
  std::sort(latencies.begin(), latencies.end());
  const auto at = [this](double part) {
    return latencies.empty()
               ? 0
               : latencies[static_cast<std::size_t>(
                   part * static_cast<double>(latencies.size() - 1))];
  };
  std::printf("{\"seconds\":%.6f,\"per_second\":%.1f,\"p50_ms\":%.3f,"
              "\"p99_ms\":%.3f,\"max_ms\":%.3f,\"lost\":%zu,"
              "\"first_ms\":%.3f,\"last_ms\":%.3f,\"statuses\":{",
              seconds, static_cast<double>(latencies.size()) / seconds, at(0.5),
              at(0.99), at(1), lost, first, last);
  const char* comma = "";
  for (const auto& [status, count] : by_status) {
    std::printf("%s\"%d\":%zu", comma, status, count);
    comma = ",";
  }
  std::printf("}}\n");
}

} // namespace

int main(int argc, char** argv) {
  const bool hold = argc > 1 && std::string_view{argv[1]} == "--hold";
  if (argc != (hold ? 5 : 4)) {
    std::cerr << "usage: load_client [--hold] PORT CLIENTS REQUESTS\n";
    return 64;
  }
  char** numbers = argv + (hold ? 2 : 1);
  load job{};
  job.port = static_cast<std::uint16_t>(std::atoi(numbers[0]));
  job.clients = std::strtoul(numbers[1], nullptr, 10);
  job.requests = hold ? job.clients : std::strtoul(numbers[2], nullptr, 10);
  job.hold = hold;
  job.request.assign(std::istreambuf_iterator<char>{std::cin}, {});
  job.run();
}
