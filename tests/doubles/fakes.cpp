// The virtual part of every fake, once: a class whose destructor is defined
// here has its table, and so all that is virtual in it, in this object alone.
// In every test that includes a fake they would take most of the compilation,
// as the rules of the fake ledger would, which are in fake_store.cpp.
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

fake_backup_desk::~fake_backup_desk() = default;
fake_engine::~fake_engine() = default;
fake_ledger::~fake_ledger() {
  crash();
}
fake_queries::~fake_queries() = default;

} // namespace alula::doubles
