/* caps - Linux capabilities: names, numbers, and the set that a container gets.
 *
 * A set is a uint64_t with bit n for capability n. Source: capabilities(7), linux/capability.h.
 * A container's bounding, effective and permitted sets are caps_compute's mask; its inheritable and
 * ambient sets are empty, always (CVE-2022-24769 and its sisters). */
#ifndef RCTR_CAPS_H
#define RCTR_CAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/text.h"

enum { CAPS_COUNT = 41 }; /* that rctr knows by name: CAP_CHOWN (0) to CAP_CHECKPOINT_RESTORE */

#define CAPS_BIT(n) (UINT64_C(1) << (n))
/* What a container has unless told otherwise, the 11 of podman: CHOWN DAC_OVERRIDE FOWNER FSETID
 * KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT SETFCAP. */
#define CAPS_DEFAULT UINT64_C(0x800405fb)

/* "CAP_CHOWN"; NULL for a number that has no name here. */
const char *caps_name(unsigned number);
/* "CHOWN", "cap_chown", …; an unknown name is -EINVAL and names the nearest one. */
int caps_parse(const char *name, unsigned *ret, struct err *e);
/* Append the names of a set, lowest number first. */
int caps_names(uint64_t set, struct strv *ret, struct err *e);

/* Number of the running kernel's last capability (/proc/sys/kernel/cap_last_cap); CAPS_COUNT - 1
 * where it cannot be read. It may be larger than CAPS_COUNT - 1. */
unsigned caps_last(void);

/* The container's set from --cap-add, --cap-drop and --privileged. "ALL" stands for all that the
 * kernel knows; a name in both lists is -EINVAL, as podman says it; the lists may be NULL.
 * --cap-drop ALL with --cap-add X is X alone; --cap-add ALL with --cap-drop X is all but X.
 * An added one that this kernel does not know is -EINVAL. */
int caps_compute(const struct strv *add, const struct strv *drop, bool privileged,
                 uint64_t *ret_set, struct err *e);

#endif
