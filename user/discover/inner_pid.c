// SPDX-License-Identifier: GPL-2.0-only
#include "inner_pid.h"

#include <ctype.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "py_tids.h"

#define NAMED_MAX 5 /* of a hundred containers' first processes, these */

/* A guess: this is for a hint, and what the process runs is found out when it is traced. */
static bool says_python(const char *proc, const char *pid)
{
	char path[320], line[1024] = "";
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/cmdline", proc, pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	return memmem(line, n, "python", 6);
}

static bool calls_itself(const char *proc, const char *name, pid_t pid)
{
	pid_t outer = 0, inner = 0;
	char path[320];

	snprintf(path, sizeof(path), "%s/%s/status", proc, name);
	return !py_tids__read_ns(path, &outer, &inner) && inner == pid && outer != pid &&
	       says_python(proc, name);
}

void inner_pid__explain(const char *proc, pid_t pid, char *why, size_t size)
{
	size_t n = strlen(why), found = 0;
	struct dirent *entry;
	DIR *dir = opendir(proc);

	while (dir && found < NAMED_MAX && n < size && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !calls_itself(proc, entry->d_name, pid))
			continue;
		n += (size_t)snprintf(why + n, size - n, "%s%d",
				      found++ ? ", " :
						"; in containers, it is what these call "
						"themselves: ",
				      atoi(entry->d_name));
	}
	if (dir)
		closedir(dir);
	if (found && n < size)
		snprintf(why + n, size - n, "; give that number");
}
