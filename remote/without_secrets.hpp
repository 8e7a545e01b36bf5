/// Texts of others, before they are kept or logged.
#pragma once

#include <string>

namespace alula::remote {

/// The text without what may open something: queries of links (presigned ones
/// keep their signature there), users of URLs, bearers, values behind words
/// like `token`, keys of the Panel and whatever else looks like one. UUIDs
/// stay. Rather too much is taken out than too little; never all of it. Takes
/// time in proportion to the text.
std::string without_secrets(std::string text);

} // namespace alula::remote
