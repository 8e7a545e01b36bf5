#include "app/cli/findings.hpp"
#include "app/far_settings.hpp"
#include "jobs/clock.hpp"
#include "remote/s3_stores.hpp"

#include <chrono>
#include <stop_token>

namespace alula::app::cli {

namespace {

std::string to_do_about(jobs::fault_code code) {
  if (code == jobs::fault_code::store_unavailable)
    return "Look at its `endpoint`, `ca`, DNS and the firewall. Copies to it "
           "and from it wait meanwhile.";
  return "Look at its `bucket`, `region`, `addressing` and keys; the sentence "
         "is the store's own.";
}

/// One key is asked for: that needs the network, the certificate, the keys and
/// the bucket, and changes nothing.
void look_at(jobs::object_store& store, findings& out) {
  constexpr int one = 1;
  const auto page = store.list({}, {}, one, std::stop_token{});
  if (page)
    return out.good("stores", "the store \"" + store.name() + "\" answers");
  out.bad("stores", "the store \"" + store.name() + "\": " + page.error().what,
          to_do_about(page.error().code));
}

} // namespace

void look_at_stores(const config& c, findings& out) {
  if (c.stores.endpoint.empty())
    return out.good("stores", "no object store is configured");
  auto settings = stores_of(c);
  if (!settings)
    return out.bad("stores", settings.error().what,
                   "Mend where its keys come from (`access_key`, "
                   "`credentials_file`, `credentials_env`): the node does not "
                   "start without them. Variables count where the node is "
                   "started, not in this shell.");
  constexpr std::chrono::seconds patience{10};
  for (auto& one : *settings)
    one.limit = patience;
  const jobs::system_clock clock;
  remote::s3_stores stores{*std::move(settings), clock};
  for (const auto& name : stores.names())
    if (auto* store = stores.find(name))
      look_at(*store, out);
}

} // namespace alula::app::cli
