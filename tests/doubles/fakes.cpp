// The virtual part of every fake, once: a class whose destructor is defined
// here has its table, and so all that is virtual in it, in this object alone.
// So do the calls into which the fake ledger's rules are compiled. In every
// test that includes a fake they would take most of the compilation.
#include "tests/doubles/fake_archives.hpp"
#include "tests/doubles/fake_audience.hpp"
#include "tests/doubles/fake_backup_desk.hpp"
#include "tests/doubles/fake_container_factory.hpp"
#include "tests/doubles/fake_container_streams.hpp"
#include "tests/doubles/fake_containers.hpp"
#include "tests/doubles/fake_engine.hpp"
#include "tests/doubles/fake_far.hpp"
#include "tests/doubles/fake_ledger.hpp"
#include "tests/doubles/fake_node_links.hpp"
#include "tests/doubles/fake_panel.hpp"
#include "tests/doubles/fake_processes.hpp"
#include "tests/doubles/fake_queries.hpp"
#include "tests/doubles/fake_volumes.hpp"

namespace alula::jobs {

fake_archives::~fake_archives() = default;
fake_audience::~fake_audience() = default;
fake_container_factory::~fake_container_factory() = default;
fake_container_streams::~fake_container_streams() = default;
fake_containers::~fake_containers() = default;
fake_journal::~fake_journal() = default;
fake_links::~fake_links() = default;
fake_node_links::~fake_node_links() = default;
fake_object_store::~fake_object_store() = default;
fake_panel::~fake_panel() = default;
fake_processes::~fake_processes() = default;
fake_stores::~fake_stores() = default;
fake_volumes::~fake_volumes() = default;

} // namespace alula::jobs

namespace alula::doubles {

jobs::result<jobs::accepted> fake_store::accept(const jobs::acceptance& what,
                                                now_ms now) {
  return whole<jobs::accepted>([&] { return accept_inside(what, now); });
}
jobs::result<jobs::job_record> fake_store::save(const jobs::save& what,
                                                now_ms now) {
  return whole<jobs::job_record>([&] { return save_inside(what, now); });
}
jobs::status fake_store::amend(const std::vector<jobs::change>& what,
                               now_ms now) {
  auto done = whole<bool>([&]() -> jobs::result<bool> {
    jobs::job_record nobody;
    if (auto changed = change_all(nobody, what, now); !changed)
      return std::move(changed).error();
    return true;
  });
  return done ? jobs::status{} : jobs::status{done.error()};
}

fake_store::check
fake_store::change_all(jobs::job_record& job,
                       const std::vector<jobs::change>& changes, now_ms now) {
  for (const auto& change : changes) {
    auto done = std::visit([&](const auto& c) { return apply(job, c, now); },
                           static_cast<const jobs::any_change&>(change));
    if (!done)
      return done;
  }
  return {};
}

fake_backup_desk::~fake_backup_desk() = default;
fake_engine::~fake_engine() = default;
fake_ledger::~fake_ledger() {
  crash();
}
fake_queries::~fake_queries() = default;

} // namespace alula::doubles
