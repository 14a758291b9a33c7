// SPDX-License-Identifier: Apache-2.0
//
// A policy with a web server, to be asked.
#pragma once

#include "tests/unit/policy/small_policy.h"

namespace tests {

inline std::string web_policy_cil() {
  return R"(
(mls true)
(handleunknown allow)
(policycap open_perms)
(common file (getattr open read write execute))
(class file (entrypoint))
(classcommon file file)
(class dir (search))
(classcommon dir file)
(class process (fork transition))
(class chr_file (ioctl))
(classorder (file dir process chr_file))
(sensitivity s0) (sensitivity s1)
(sensitivityorder (s0 s1))
(category c0) (category c1) (category c2) (category c3)
(categoryalias blue) (categoryaliasactual blue c2)
(categoryorder (c0 c1 c2 c3))
(sensitivitycategory s0 (range c0 c3)) (sensitivitycategory s1 (range c0 c3))
(type init_t) (type shell_t) (type web_t) (type job_t) (type alone_t)
(type web_exec_t) (type job_exec_t) (type log_t)
(typealias httpd_t) (typealiasactual httpd_t web_t)
(typeattribute domain) (typeattribute exec_type) (typeattribute nothing)
(typeattributeset domain (init_t shell_t web_t job_t))
(typeattributeset exec_type (web_exec_t job_exec_t))
(expandtypeattribute (domain exec_type nothing) false)
(typepermissive job_t)
(typebounds web_t alone_t)
(role sys_r) (role object_r)
(roletype sys_r init_t) (roletype sys_r web_t)
(roletype object_r log_t)
(roleallow sys_r object_r)
(roletransition sys_r web_exec_t process sys_r)
(user system_u)
(userrole system_u sys_r) (userrole system_u object_r)
(userlevel system_u (s0)) (userrange system_u ((s0) (s1 (c0 (range c2 c3)))))
(boolean web_jobs false) (boolean web_logs true) (boolean audit false)

(allow init_t web_exec_t (file (getattr open read execute)))
(allow init_t web_t (process (transition)))
(allow web_t web_exec_t (file (entrypoint)))
(typetransition init_t web_exec_t process web_t)
(typetransition shell_t web_exec_t process web_t)
(allow shell_t exec_type (file (read)))
(allow domain self (process (fork)))
(allow job_t job_exec_t (file (entrypoint)))
(allow web_t log_t (dir (search)))
(typetransition web_t log_t file "access log" log_t)
(typetransition web_t log_t file log_t)
(rangetransition init_t web_exec_t process ((s0) (s0 (c1))))
(allowx web_t log_t (ioctl chr_file (0x5401 (range 0x5410 0x5412))))
(booleanif web_jobs
  (true (allow web_t job_exec_t (file (getattr open read execute)))
        (allow web_t job_t (process (transition)))
        (typetransition web_t job_exec_t process job_t)))
(booleanif (and web_logs (not audit))
  (true (allow web_t log_t (file (open write))))
  (false (dontaudit web_t log_t (file (write)))))
(constrain (process (transition)) (or (eq u1 u2) (eq t1 (web_t init_t))))
(mlsconstrain (file (read write)) (dom l1 l2))
(defaultrange file target low-high)
(sid kernel) (sidorder (kernel))
(sidcontext kernel (system_u sys_r init_t ((s0) (s1 (c0)))))
(fsuse xattr ext4 (system_u object_r log_t ((s0) (s0))))
(genfscon proc "/net" dir (system_u object_r log_t ((s0) (s0))))
(portcon tcp (80 81) (system_u object_r log_t ((s0) (s0))))
(nodecon (10.0.0.0) (255.0.0.0) (system_u object_r log_t ((s0) (s0))))
)";
}

}  // namespace tests
