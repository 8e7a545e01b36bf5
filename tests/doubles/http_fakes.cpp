// As fakes.cpp, for the fakes of the door.
#include "tests/doubles/fake_exchange.hpp"

namespace alula::doubles {

fake_stream::~fake_stream() = default;
fake_websocket::~fake_websocket() = default;
fake_exchange::~fake_exchange() = default;

} // namespace alula::doubles
