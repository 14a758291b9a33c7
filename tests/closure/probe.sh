# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What probe.service runs: a report of the boot over the console, a line `PROBE <key>=<value>` or `PROBE <word> <fields>`
# each; the last is `PROBE done`. Then the machine goes off. It looks only, and works with and without SELinux.
set +e

# First line of file $1, or $2.
first_line() {
    local line=''
    { IFS= read -r line <"$1"; } 2>/dev/null
    echo "${line:-$2}"
}

# agetty writes its issue, and hangs up its line before, when nothing else is to be started.
wait_for_boot() {
    timeout 300 systemctl is-system-running --wait >/dev/null 2>&1

    for _ in {1..600}; do
        if pgrep -x agetty >/dev/null && pgrep -x sshd >/dev/null; then break; fi
        sleep 0.1
    done
    sleep 1
}

report_domains() {
    local name pid context
    echo "domain $(first_line /proc/1/comm systemd) 1 $(process_context 1)"
    for name in systemd-journal systemd-udevd dbus-daemon systemd-logind sshd cron nginx agetty; do
        pid=$(pgrep -o -x "$name")
        if [ -z "$pid" ]; then
            echo "domain $name - missing"
        else
            context=$(process_context "$pid")
            echo "domain $name $pid $context"
        fi
    done
}

process_context() {
    local context=''
    { context=$(tr -d '\0\n' <"/proc/$1/attr/current"); } 2>/dev/null
    echo "${context:-none}"
}

# Everything that SELinux refused or did not understand, each message once: the kernel's ring and the journal both have
# them.
denials() {
    {
        dmesg 2>/dev/null
        journalctl --boot --quiet --no-pager --output=cat 2>/dev/null
    } | grep -aE 'avc: +denied|USER_AVC|SELINUX_ERR|op=security_|invalid_context=|seresult=denied' |
        gawk '{ sub(/^\[ *[0-9.]+\] /, ""); sub(/^audit: /, ""); message = $0
            sub(/^.*audit\([0-9.:]+\): */, "", message); sub(/^[A-Z_]+ /, "", message) }
            !seen[message]++'
}

# Why the failed units $@ failed, as far as the journal tells.
failures() {
    local unit
    for unit in "$@"; do
        journalctl --boot --quiet --no-pager --output=cat --lines=5 --unit="$unit" 2>/dev/null | sed "s/^/failed $unit /"
    done
}

report() {
    local avcs failed
    avcs=$(denials)
    mapfile -t failed < <(systemctl list-units --failed --plain --no-legend --no-pager 2>&1 | gawk '{ print $1 }')
    echo "enforce=$(first_line /sys/fs/selinux/enforce none)"
    echo "policyvers=$(first_line /sys/fs/selinux/policyvers none)"
    echo "current-system=$(readlink -f /run/current-system)"
    echo "booted-system=$(readlink -f /run/booted-system)"
    echo "cmdline=$(first_line /proc/cmdline '')"
    echo "lsm=$(first_line /sys/kernel/security/lsm none)"
    echo "root=$(gawk '$2 == "/"' /proc/mounts)"
    echo "var=$(gawk '$2 == "/var"' /proc/mounts)"
    echo "label /run/current-system $(stat -c %C /run/current-system 2>/dev/null)"
    report_domains
    echo "state=$(systemctl is-system-running 2>&1)"
    echo "failed-units=${failed[*]}"
    failures "${failed[@]}"
    echo "permissive=$(grep -a 'permissive=1' <<<"$avcs" | grep -oE 'scontext=[^ ]+' | cut -d: -f3 | sort -u | paste -sd' ')"
    if [ -n "$avcs" ]; then
        while IFS= read -r line; do echo "avc $line"; done <<<"$avcs"
    fi
    echo "uptime=$(cut -d' ' -f1 /proc/uptime)"
    echo "done"
}

wait_for_boot
# Starts with an empty line: the getty's prompt may stand on the current one. A line at a time, each with its own open,
# since a getty that starts again hangs up the console.
{ echo; report | sed 's/^/PROBE /'; } | while IFS= read -r line; do
    echo "$line" >/dev/console
done
sync
systemctl poweroff
sleep 20
echo o >/proc/sysrq-trigger
