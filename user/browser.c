// SPDX-License-Identifier: GPL-2.0-only
#include "browser.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sudo_user.h"

#define WORDS_MAX 32

static const char *given(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* sudo drops XDG_RUNTIME_DIR. It is where the session's message bus and Wayland's socket are, which
 * programs look for there without being told more. */
static void find_session(void)
{
	char dir[64];
	struct stat st;

	snprintf(dir, sizeof(dir), "/run/user/%u", getuid());
	if (!given("XDG_RUNTIME_DIR") && !stat(dir, &st) && S_ISDIR(st.st_mode) &&
	    st.st_uid == getuid())
		setenv("XDG_RUNTIME_DIR", dir, 1);
}

static bool has_display(void)
{
	const char *dir;
	char path[256];

	if (given("DISPLAY") || given("WAYLAND_DISPLAY"))
		return true;
	find_session();
	dir = given("XDG_RUNTIME_DIR");
	if (!dir)
		return false;
	snprintf(path, sizeof(path), "%s/wayland-0", dir);
	return !access(path, F_OK);
}

const char *browser__missing(void)
{
	if (!geteuid())
		return "a browser is not opened as root";
	if (!given("BROWSER") && !has_display())
		return "there is no display here";
	return NULL;
}

/* Runs one command of $BROWSER: words at blanks, no shell. Returns if there is no such program. */
static void try_command(char *command, char *url)
{
	char *words[WORDS_MAX + 2], *saved, *word;
	bool placed = false;
	size_t n = 0;

	for (word = strtok_r(command, " \t", &saved); word && n < WORDS_MAX;
	     word = strtok_r(NULL, " \t", &saved)) {
		if (!strcmp(word, "%s") || !strcmp(word, "%u") || !strcmp(word, "%U")) {
			word = url;
			placed = true;
		}
		words[n++] = word;
	}
	if (!n)
		return;
	if (!placed)
		words[n++] = url;
	words[n] = NULL;
	execvp(words[0], words);
}

static void child_main(const char *address)
{
	static const char *const usual[] = { "xdg-open", "sensible-browser", "x-www-browser" };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char *url = strdup(address), *list, *saved, *command;
	sigset_t none;

	if (null < 0 || !url || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(127);
	setsid(); /* Ctrl-C ends us, not the browser */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	sudo_user__forget();
	find_session();
	list = given("BROWSER") ? strdup(given("BROWSER")) : NULL;
	if (list) {
		for (command = strtok_r(list, ":", &saved); command;
		     command = strtok_r(NULL, ":", &saved))
			try_command(command, url);
	} else {
		for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
			execlp(usual[i], usual[i], url, (char *)NULL);
	}
	_exit(127);
}

int browser__open(struct browser *b, const char *url)
{
	b->fd = -1;
	if (!geteuid())
		return -EPERM;
	fflush(NULL);
	b->pid = fork();
	if (b->pid < 0)
		return -errno;
	if (!b->pid)
		child_main(url);
	b->fd = (int)syscall(SYS_pidfd_open, b->pid, 0);
	return 0; /* without a pidfd, too, the browser is on its way */
}

bool browser__failed(struct browser *b)
{
	int status = 0;

	close(b->fd);
	b->fd = -1;
	if (waitpid(b->pid, &status, 0) != b->pid)
		return false;
	return !WIFEXITED(status) || WEXITSTATUS(status);
}
