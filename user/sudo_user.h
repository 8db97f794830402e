/* SPDX-License-Identifier: GPL-2.0-only */
/* The user who ran sudo: what is started for him runs as him, not as root. */
#ifndef VTBPF_SUDO_USER_H
#define VTBPF_SUDO_USER_H

/* Under sudo, gives root away for good: uid, gid and supplementary groups become those of SUDO_UID and
 * SUDO_GID; HOME, USER, LOGNAME and SHELL are what passwd has for him. Else does nothing. 0 or a
 * negative errno; then the process must not go on. */
int sudo_user__become(void);

/* Takes the variables of sudo's own out of the environment. */
void sudo_user__forget(void);

#endif
