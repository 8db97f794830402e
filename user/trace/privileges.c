// SPDX-License-Identifier: GPL-2.0-only
#include "privileges.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "../caps.h"
#include "own_namespace.h"

struct capability {
	int number;
	const char *name;
	const char *what_for;
};

static const struct capability capabilities[] = {
	{ CAP_BPF, "CAP_BPF", "load BPF programs" },
	{ CAP_PERFMON, "CAP_PERFMON", "attach them to other processes" },
	{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "read names from the target's memory" },
};

#define N_CAPS (sizeof(capabilities) / sizeof(capabilities[0]))

/* Before CAP_BPF and CAP_PERFMON there was CAP_SYS_ADMIN, which still includes them. */
static bool has_cap(uint64_t caps, const struct capability *c)
{
	if (caps & CAP_MASK(c->number))
		return true;
	return c->number != CAP_SYS_PTRACE && (caps & CAP_MASK(CAP_SYS_ADMIN));
}

/* ---- kernel features -------------------------------------------------------------------- */

struct feature {
	const char *name;
	bool (*present)(void);
	bool required;
	const char *advice;
};

static bool has_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", R_OK);
}

static bool has_uprobes(void)
{
	return !access("/sys/bus/event_source/devices/uprobe/type", F_OK);
}

static bool has_ring_buffer(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1;
}

static bool kernel_at_least(int major, int minor)
{
	struct utsname uts;
	int have_major = 0, have_minor = 0;

	if (uname(&uts) || sscanf(uts.release, "%d.%d", &have_major, &have_minor) != 2)
		return false;
	return have_major > major || (have_major == major && have_minor >= minor);
}

static bool has_multi(void)
{
	return kernel_at_least(6, 6);
}

static const struct feature features[] = {
	{ "BTF of the kernel", has_btf, true,
	  "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y (every current distribution's is)" },
	{ "uprobes", has_uprobes, true, "boot a kernel built with CONFIG_UPROBE_EVENTS=y" },
	{ "BPF ring buffer", has_ring_buffer, true, "Linux 5.8 or newer is needed" },
	{ "uprobe_multi links", has_multi, false,
	  "Linux 6.6 or newer attaches and detaches faster" },
};

#define N_FEATURES (sizeof(features) / sizeof(features[0]))

static const char clock_trouble[] = "the clock of this time namespace is not the kernel's";
static const char clock_advice[] = "run vtbpf outside of it: nsenter --time --target 1";
static const char proc_advice[] =
	"mount it (mount -t proc proc /proc), or run vtbpf on the machine itself";

/* ---- the check -------------------------------------------------------------------------- */

static int missing_caps(char *list, size_t size)
{
	uint64_t caps = caps__effective();
	size_t len = 0;
	int missing = 0;

	*list = '\0';
	for (size_t i = 0; i < N_CAPS; i++) {
		if (has_cap(caps, &capabilities[i]))
			continue;
		len += snprintf(list + len, size - len, "%s%s", missing ? ", " : "",
				capabilities[i].name);
		missing++;
	}
	return missing;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

int privileges__check(char *why, size_t why_size)
{
	char list[128];

	if (missing_caps(list, sizeof(list))) {
		snprintf(why, why_size,
			 "missing privilege: %s; run it with sudo, or give it the capabilities: "
			 "sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_dac_read_search+ep "
			 "\"$(command -v vtbpf)\"",
			 list);
		return -EPERM;
	}
	if (!own_namespace__has_proc()) {
		snprintf(why, why_size, "/proc is not that of this container (pid namespace); %s",
			 proc_advice);
		return -EOPNOTSUPP;
	}
	if (own_namespace__shifts_clock()) {
		snprintf(why, why_size, "%s; %s", clock_trouble, clock_advice);
		return -EOPNOTSUPP;
	}
	libbpf_set_print(quiet);
	for (size_t i = 0; i < N_FEATURES; i++) {
		if (!features[i].required || features[i].present())
			continue;
		snprintf(why, why_size, "this kernel has no %s; %s", features[i].name,
			 features[i].advice);
		return -EOPNOTSUPP;
	}
	return 0;
}

bool privileges__report(FILE *out)
{
	uint64_t caps = caps__effective();
	bool good = true;
	struct utsname uts;

	if (!uname(&uts))
		fprintf(out, "kernel      %s %s\n", uts.release, uts.machine);
	libbpf_set_print(quiet);
	for (size_t i = 0; i < N_CAPS; i++) {
		bool have = has_cap(caps, &capabilities[i]);

		good &= have;
		fprintf(out, "%-11s %s (to %s)\n", have ? "yes" : "MISSING", capabilities[i].name,
			capabilities[i].what_for);
	}
	if (!own_namespace__has_proc()) {
		fprintf(out, "MISSING     /proc of this container (pid namespace): %s\n",
			proc_advice);
		good = false;
	}
	if (own_namespace__shifts_clock()) {
		fprintf(out, "MISSING     %s: %s\n", clock_trouble, clock_advice);
		good = false;
	}
	for (size_t i = 0; i < N_FEATURES; i++) {
		bool have = features[i].present();

		good &= have || !features[i].required;
		fprintf(out, "%-11s %s%s%s\n",
			have		     ? "yes" :
			features[i].required ? "MISSING" :
					       "no",
			features[i].name, have ? "" : ": ", have ? "" : features[i].advice);
	}
	return good;
}
