/// What the handlers of the systems backups API share: reading beside the I/O
/// thread, finding what a request is about, and removing it.
#pragma once

#include "http/api.hpp"
#include "http/exchange.hpp"
#include "jobs/kind.hpp"
#include "jobs/system_backup.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace alula::http {

/// Runs `what` on a thread that may block. 503 when too much waits.
void on_reader(const api_ptr& api, const exchange_ptr& call,
               std::function<void()> what);

/// The system of the path, if the principal reaches it. What is wrong is
/// answered: 404, 403, 500; nothing is returned then. Blocks.
std::optional<jobs::system_record> find_system_of(const api_ptr& api,
                                                  const exchange_ptr& call);

/// False, and answered 503, when the node has nowhere to keep backups.
bool has_store(const api_ptr& api, const exchange_ptr& call);

/// A stored backup of that system; every other answer is 404, a failing ledger
/// 502 with `failed`. Blocks.
std::optional<jobs::system_backup_record> find_stored(const api_ptr& api,
                                                      const exchange_ptr& call,
                                                      std::string_view system,
                                                      std::string_view id,
                                                      std::string_view failed);

/// What is stored of it, newest first; a fault is answered 502. Blocks.
std::optional<std::vector<jobs::system_backup_record>>
list_stored(const api_ptr& api, const exchange_ptr& call,
            std::string_view system);

/// Sends the bytes of a backup under this name, by the request's Range. Blocks.
void send_object(const api_ptr& api, const exchange_ptr& call,
                 const jobs::system_backup_record& backup,
                 const std::string& name);

/// How a removal is asked for and told of. `kind` is a reference, not a name:
/// names of kinds are not there yet while constants of other files are made.
struct removal_words {
  const jobs::kind& kind;
  std::string_view done, failed;
  int failed_status = 502;
};
extern const removal_words of_backup, of_system;

/// Has a job of that kind remove this backup of the system, or with an empty
/// id all of it, and answers when it has: 200 with `data`, or the words'
/// failure, behind which the job goes on.
void remove_by_job(const api_ptr& api, const exchange_ptr& call,
                   const removal_words& words, const jobs::system_record& of,
                   std::string_view backup, std::string data);

/// [{…},{…}]
std::string to_json(const std::vector<jobs::system_backup_record>& backups);

} // namespace alula::http
