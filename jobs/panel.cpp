#include "jobs/panel.hpp"

namespace alula::jobs {

namespace {

fault absent() {
  return {.code = fault_code::panel_unavailable,
          .what = "this node has no Panel",
          .where = "panel"};
}

class nobody final : public panel {
public:
  bool is_configured() const override { return false; }
  result<panel_page> list_servers(std::int64_t, std::stop_token) override {
    return absent();
  }
  result<panel_server> find_server(const server_id&, std::stop_token) override {
    return absent();
  }
  result<panel_server> find_server_at_once(const server_id&,
                                           std::stop_token) override {
    return absent();
  }
  result<install_script> find_install_script(const server_id&,
                                             std::stop_token) override {
    return absent();
  }
  result<upload_plan> plan_upload(const backup_id&, std::int64_t,
                                  std::stop_token) override {
    return absent();
  }
  result<bool> knows_backup(const backup_id&, std::stop_token) override {
    return absent();
  }
  status reset_servers(std::stop_token) override { return absent(); }
  delivery deliver(std::string_view, std::string_view, std::string_view,
                   std::stop_token) override {
    return {.is = delivery::verdict::retry, .why = absent().what};
  }
};

} // namespace

panel& no_panel() {
  static nobody none;
  return none;
}

} // namespace alula::jobs
