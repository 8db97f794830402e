// SPDX-License-Identifier: GPL-2.0-only
#include "sudo_user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "outfile.h"

int sudo_user__become(void)
{
	const char *set[][2] = {
		{ "HOME", NULL }, { "USER", NULL }, { "LOGNAME", NULL }, { "SHELL", NULL }
	};
	struct passwd *pw;
	uid_t uid;
	gid_t gid;

	if (geteuid() || !outfile__owner(&uid, &gid))
		return 0;
	pw = getpwuid(uid);
	if (pw ? initgroups(pw->pw_name, gid) : setgroups(0, NULL))
		return -errno;
	if (setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return -errno;
	set[0][1] = pw ? pw->pw_dir : NULL;
	set[1][1] = set[2][1] = pw ? pw->pw_name : NULL;
	set[3][1] = pw ? pw->pw_shell : NULL;
	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		if (set[i][1])
			setenv(set[i][0], set[i][1], 1);
	return 0;
}

void sudo_user__forget(void)
{
	unsetenv("SUDO_COMMAND");
	unsetenv("SUDO_USER");
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	unsetenv("SUDO_HOME");
	unsetenv("SUDO_PROMPT");
}
