// SPDX-License-Identifier: Apache-2.0
#include "policy/audit_log.h"

#include <cstdlib>

#include "imagefmt/base/bytes.h"

using namespace policy;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  AuditLog log = parse_audit_log(imagefmt::as_text({data, size}));
  for (const AvcMessage& message : log.messages) {
    if (message.line == 0 || message.line > log.lines || message.permissions.empty()) abort();
  }
  return 0;
}
