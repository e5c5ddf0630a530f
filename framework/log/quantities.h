// Durations, counts and sizes as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace nearfar {

/// "0.3s", "42s", "3m20s", "1h05m", "2d03h"; "--" for negative or non-finite seconds.
std::string format_duration(double seconds);

/// 60000 is "60,000".
std::string format_count(int64_t count);

/// Powers of 1024: "512 B", "1.5 KiB", "12.0 GiB".
std::string format_bytes(int64_t bytes);

/// A fixed number of decimals, half to even of the exact value, whatever the locale: (3.14159, 2)
/// is "3.14"; "nan" and "inf" for what is not finite.
std::string format_fixed(double value, int decimals);

/// A number of significant digits, whatever the locale, without trailing zeros: (3e-05, 4) is
/// "3e-05", (0.25, 4) is "0.25"; "nan" and "inf" for what is not finite.
std::string format_significant(double value, int digits);

}  // namespace nearfar
