// SPDX-License-Identifier: GPL-2.0-only
/* Part of the static program only. glibc loads what /etc/nsswitch.conf names at run time, also into
 * a static program; made for another glibc it may crash. "files" is in libc itself since 2.34
 * (glibc NEWS), so users are those of /etc/passwd and /etc/group.
 */
#include <nss.h>

__attribute__((constructor)) static void only_files(void)
{
	static const char *const databases[] = { "passwd", "group", "initgroups" };

	for (unsigned int i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
		__nss_configure_lookup(databases[i], "files");
}
