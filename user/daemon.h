/* SPDX-License-Identifier: GPL-2.0-only */
/* What a service owes to who runs it: a file with its pid, and word of its state (sd_notify(3)). */
#ifndef VTBPF_DAEMON_H
#define VTBPF_DAEMON_H

struct pidfile {
	const char *path; /* NULL: none was asked for */
	int fd;		  /* locked as long as we live; 0: not written so far */
};

/* May it be written? 0; or -EEXIST, or another negative errno, after a message: the file names a
 * process that lives. */
int pidfile__check(const char *path);

/* Writes it, whole at once. 0 or a negative errno after a message. */
int pidfile__write(struct pidfile *f, const char *path);

/* Removes it if it was written. */
void pidfile__remove(struct pidfile *f);

/* Tells the service manager that started us, if one wants to know ($NOTIFY_SOCKET). state is as in
 * sd_notify(3): "READY=1". */
void daemon__notify(const char *state);

#endif
