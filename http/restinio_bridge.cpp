#include "http/restinio_bridge.hpp"

// The order matters: the socket's overloads are looked up by RESTinio.
#include "http/guarded_socket.hpp"
#include "http/reply.hpp"
#include "http/text.hpp"
#include "jobs/ids.hpp"
#include "jobs/log.hpp"

#include <restinio/all.hpp>
#include <restinio/websocket/websocket.hpp>

#include <string>
#include <unordered_map>
#include <utility>

namespace alula::http {

namespace {

namespace rws = restinio::websocket::basic;

struct traits : restinio::default_single_thread_traits_t {
  using stream_socket_t = guarded_socket;
  using request_handler_t = std::function<restinio::request_handling_status_t(
      restinio::request_handle_t)>;
};

using connection_settings = restinio::impl::connection_settings_t<traits>;
using connection_factory = restinio::impl::connection_factory_t<traits>;
using lifetime_monitor =
    restinio::connection_count_limit_types<traits>::lifetime_monitor_t;

/// A large archive over a thin line; who stands still is cut long before.
constexpr std::chrono::hours longest_write{7 * 24};

/// Above our own limits and deadlines: the guard answers first, this is the
/// net below it. The library's limit of a write counts from its begin, ours
/// from the last progress, so a large answer may well take this long.
restinio::server_settings_t<traits> settings_for(const door_limits& limits) {
  constexpr auto later = std::chrono::seconds{15};
  restinio::server_settings_t<traits> settings;
  settings.buffer_size(connection::buffer_size)
      .max_pipelined_requests(1)
      .read_next_http_message_timelimit(limits.idle + limits.head_time
                                        + limits.body_time + later)
      .handle_request_timeout(limits.handling + later)
      .write_http_response_timelimit(longest_write)
      .incoming_http_msg_limits(restinio::incoming_http_msg_limits_t{}
                                    .max_url_size(limits.url)
                                    .max_field_name_size(limits.head)
                                    .max_field_value_size(limits.head + 1)
                                    .max_field_count(limits.fields)
                                    .max_body_size(limits.body));
  return settings;
}

// -- answers ------------------------------------------------------------------

restinio::writable_items_container_t one_item(std::string bytes) {
  restinio::writable_items_container_t items;
  items.emplace_back(std::move(bytes));
  return items;
}

/// Neither open nor what the library takes for none (-1): it closes what it is
/// given on the I/O thread, and the last close of a file may wait for a disk.
constexpr int no_descriptor = -2;

/// A place in the library's line: the connection has the file. Our own pace
/// counts, not how long all of it takes.
restinio::sendfile_t file_item(const file_slice& file) {
  auto whole = restinio::sendfile(
      restinio::file_descriptor_holder_t{no_descriptor},
      restinio::file_meta_t{
          static_cast<restinio::file_size_t>(file.offset + file.length),
          std::chrono::system_clock::time_point{}});
  whole
      .offset_and_size(file.offset,
                       static_cast<restinio::file_size_t>(file.length))
      .timelimit(longest_write);
  return whole;
}

/// The frames of one websocket, on RESTinio's.
class restinio_frames final : public frame_line {
public:
  restinio_frames(std::string_view request, rws::ws_handle_t socket)
    : request_(request), socket_(std::move(socket)) {}

  void send_text(std::shared_ptr<const std::string> payload,
                 sent_callback sent) override {
    write(rws::opcode_t::text_frame,
          restinio::writable_item_t{std::move(payload)},
          [sent = std::move(sent)](const auto& ec) { sent(!ec); });
  }
  void send_ping() override {
    write(rws::opcode_t::ping_frame, restinio::writable_item_t{std::string{}});
  }
  void send_pong(std::string payload) override {
    write(rws::opcode_t::pong_frame,
          restinio::writable_item_t{std::move(payload)});
  }
  void send_close(std::uint16_t code, std::string_view reason) override {
    std::string payload{static_cast<char>(code >> 8),
                        static_cast<char>(code & 0xFF)};
    payload += reason;
    write(rws::opcode_t::connection_close_frame,
          restinio::writable_item_t{std::move(payload)});
  }

private:
  /// RESTinio throws once the close frame is sent; nothing is lost then.
  void write(rws::opcode_t opcode, restinio::writable_item_t payload,
             restinio::write_status_cb_t sent = {}) {
    try {
      socket_->send_message(rws::final_frame, opcode, std::move(payload),
                            std::move(sent));
    } catch (const restinio::exception_t&) {
      jobs::log(jobs::log_level::debug, "websocket-frame-after-close",
                {{"request", request_}});
    }
  }

  const std::string request_; ///< its id
  rws::ws_handle_t socket_;
};

void pass_on(const frame_events& events, rws::message_t& message) {
  switch (message.opcode()) {
  case rws::opcode_t::text_frame:
  case rws::opcode_t::continuation_frame:
    events.on_text(std::move(message.payload()), message.is_final());
    break;
  case rws::opcode_t::ping_frame:
    events.on_ping(std::move(message.payload()));
    break;
  case rws::opcode_t::pong_frame:
    events.on_pong();
    break;
  case rws::opcode_t::connection_close_frame: {
    // RFC 6455, 7.1.5: no code is 1005.
    constexpr std::uint16_t no_code = 1005;
    const auto& payload = message.payload();
    events.on_close(payload.size() < 2 ? no_code
                                       : static_cast<std::uint16_t>(
                                           rws::status_code_from_bin(payload)));
    break;
  }
  default: // the guard lets no other pass
    break;
  }
}

/// The way back of one request, on RESTinio's connection.
class restinio_line final : public line {
public:
  restinio_line(restinio::request_handle_t request, connection& on)
    : request_(std::move(request)), on_(on) {}

  void send(std::string bytes, bool last, bool keep_alive,
            sent_callback sent) override {
    auto& library = restinio::impl::access_req_connection(*request_);
    if (!library) {
      if (sent)
        sent(false);
      return;
    }
    restinio::write_group_t group{one_item(std::move(bytes))};
    if (sent)
      group.after_write_notificator(
          [sent = std::move(sent)](const auto& ec) { sent(!ec); });
    const restinio::response_output_flags_t flags{
        last ? restinio::response_parts_attr_t::final_parts
             : restinio::response_parts_attr_t::not_final_parts,
        keep_alive ? restinio::response_connection_attr_t::connection_keepalive
                   : restinio::response_connection_attr_t::connection_close};
    const auto keep = last ? std::move(library) : library;
    keep->write_response_parts(request_->request_id(), flags, std::move(group));
  }

  void send_file(std::string head, std::shared_ptr<const file_slice> file,
                 bool keep_alive, sent_callback sent) override {
    auto library = std::move(restinio::impl::access_req_connection(*request_));
    if (!library) {
      sent(false);
      return;
    }
    auto items = one_item(std::move(head));
    items.emplace_back(file_item(*file));
    on_.take_file(std::move(file));
    restinio::write_group_t group{std::move(items)};
    group.after_write_notificator(
        [sent = std::move(sent)](const auto& ec) { sent(!ec); });
    library->write_response_parts(
        request_->request_id(),
        {restinio::response_parts_attr_t::final_parts,
         keep_alive ? restinio::response_connection_attr_t::connection_keepalive
                    : restinio::response_connection_attr_t::connection_close},
        std::move(group));
  }

  std::unique_ptr<frame_line> upgrade(std::string_view request_id,
                                      frame_events events) override {
    try {
      restinio::http_header_fields_t head;
      head.set_field("X-Request-Id", std::string{request_id});
      head.set_field(restinio::http_field::sec_websocket_accept,
                     accept_value(request_->header().get_field(
                         restinio::http_field::sec_websocket_key)));
      auto socket = rws::upgrade<traits>(
          *request_, rws::activation_t::immediate, std::move(head),
          [events = std::move(events)](rws::ws_handle_t,
                                       rws::message_handle_t message) {
            pass_on(events, *message);
          });
      return std::make_unique<restinio_frames>(request_id, std::move(socket));
    } catch (const std::exception& e) {
      jobs::log(jobs::log_level::debug, "websocket-upgrade-failed",
                {{"request", request_id}, {"what", e.what()}});
      return nullptr;
    }
  }

private:
  /// RFC 6455, 4.2.2.
  static std::string accept_value(std::string_view key) {
    const auto digest = restinio::utils::sha1::make_digest(
        std::string{key} + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    return restinio::utils::base64::encode(
        restinio::utils::sha1::to_string(digest));
  }

  restinio::request_handle_t request_;
  connection& on_;
};

// -- requests -----------------------------------------------------------------

/// Bodies are the only large part, and the library does not part with them.
request read_request(const restinio::request_t& from, const connection& on) {
  request asked;
  const auto& head = from.header();
  asked.method = head.method().c_str();
  const auto& target = head.request_target();
  const auto parts = split_target(target);
  asked.path = parts.path;
  if (!parts.query.empty())
    asked.query = parse_query(parts.query);
  asked.headers.reserve(head.fields_count());
  head.for_each_field([&](const auto& field) {
    asked.headers.emplace_back(field.name(), field.value());
  });
  asked.body = from.body();
  asked.request_id = jobs::make_random_uuid();
  asked.remote = on.remote;
  return asked;
}

} // namespace

struct restinio_bridge::library {
  library(asio::io_context& context, const server_settings& settings,
          door& behind, visitors& all)
    : limits(settings.limits), entry(behind), everyone(all) {
    auto given = settings_for(settings.limits);
    given.request_handler([this](restinio::request_handle_t request) {
      return take(std::move(request));
    });
    auto timers = given.timer_factory()->create(context);
    auto options = given.socket_options_setter();
    auto shared = std::make_shared<connection_settings>(
        std::move(given),
        restinio::impl::create_parser_settings<traits::http_methods_mapper_t>(),
        std::move(timers));
    factory = std::make_unique<connection_factory>(std::move(shared),
                                                   std::move(options));
  }

  restinio::request_handling_status_t take(restinio::request_handle_t request) {
    const auto found = connections.find(request->connection_id());
    if (found == connections.end())
      return restinio::request_rejected();
    auto& on = *found->second;
    auto asked = read_request(*request, on);
    visit_facts facts;
    facts.request_id = asked.request_id;
    facts.path = asked.path;
    facts.cross_origin = entry.cross_origin();
    facts.extra_lines = facts.cross_origin->lines_for(asked.header("Origin"));
    // An answer to an upgrade that is not 101 has to close: the library would
    // hand the same request over again.
    facts.keep_alive =
        request->header().should_keep_alive() && !on.is_upgrade();
    facts.head_only = asked.method == "HEAD";
    const bool can_stream = on.is_1_1();
    auto here = std::make_shared<visit>(
        everyone, on, std::make_unique<restinio_line>(std::move(request), on),
        std::move(facts));
    on.let(here);
    // The door completes what the exchange shows to handlers.
    auto [to, seen] =
        make_exchange(std::move(asked), here->id(), can_stream, everyone);
    entry.enter(*seen, to, everyone.pending > limits.pending);
    return restinio::request_accepted();
  }

  const door_limits& limits;
  door& entry;
  visitors& everyone;
  std::unique_ptr<connection_factory> factory;
  std::unordered_map<restinio::connection_id_t, connection*> connections;
};

restinio_bridge::restinio_bridge(asio::io_context& context,
                                 const server_settings& settings, door& behind,
                                 visitors& all)
  : library_(std::make_unique<library>(context, settings, behind, all)) {}

restinio_bridge::~restinio_bridge() = default;

void restinio_bridge::adopt(std::shared_ptr<connection> fresh) {
  std::error_code ignored;
  auto& inner = *fresh;
  const auto peer = inner.socket().remote_endpoint(ignored);
  auto begun = library_->factory->create_new_connection(
      guarded_socket{std::move(fresh)}, peer, lifetime_monitor{nullptr});
  inner.id = begun->connection_id();
  library_->connections.emplace(inner.id, &inner);
  begun->init();
}

void restinio_bridge::forget(const connection& gone) {
  library_->connections.erase(gone.id);
}

} // namespace alula::http
