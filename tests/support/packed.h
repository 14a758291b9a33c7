// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

struct archive;

namespace tests {

/// `bytes` compressed by libarchive, with one of its archive_write_add_filter_…; empty if it has not
/// the filter built in.
std::string pack(int (*filter)(archive*), const std::string& bytes);

}  // namespace tests
