/// Whether a sanitizer is compiled in. It looks at every access, so a part of
/// what a test repeats shows it as much; the rest shows something without it.
#pragma once

namespace alula::doubles {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_instrumented = true;
#else
constexpr bool is_instrumented = false;
#endif

} // namespace alula::doubles
