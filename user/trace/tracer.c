// SPDX-License-Identifier: GPL-2.0-only
#include "tracer_state.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../log.h"
#include "own_namespace.h"
#include "raises.h"
#include "sweep.h"
#include "tracer_early.h"
#include "watch.h"

/* Calls that end while a verdict is being set must lie before the moment from which it counts. */
#define VERDICT_SLACK_NS 500000

/* A poll ends after so much, some milliseconds' work: a busy target could else keep it going. */
#define POLL_BYTES (4 << 20)

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* libbpf's own messages are for developers: with -v -v only, its warnings with -v. The verifier's words
 * are one message of many lines, of which -v shows the first. */
static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	char *text, *line, *rest;

	if (log_level() < (level == LIBBPF_WARN ? LOG_VERBOSE : LOG_DEBUG))
		return 0;
	if (vasprintf(&text, fmt, ap) < 0)
		return 0;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		log_verbose("%s", line);
		if (log_level() < LOG_DEBUG)
			break;
	}
	free(text);
	return 0;
}

void tracer__route_messages(void)
{
	libbpf_set_print(print_libbpf);
}

/* ---- loading ---------------------------------------------------------------------------- */

uint64_t tracer__ring_size(uint64_t want)
{
	uint64_t size = sysconf(_SC_PAGESIZE);

	while (size < want && size < (1ULL << 31))
		size *= 2;
	return size;
}

static bool has_site(const struct probe_plan *plan, enum vtbpf_site_kind kind)
{
	for (size_t i = 0; i < plan->n_sites; i++)
		if (plan->sites[i].site.kind == kind)
			return true;
	return false;
}

/* Functions are watched: there is room for that, and user space looks at the stacks as they grow. */
static void configure_watches(struct vtbpf_bpf *skel, uint32_t triggers)
{
	skel->rodata->triggers = triggers;
	if (triggers & VTBPF_WATCH_RAISE)
		bpf_map__set_max_entries(skel->maps.raises, RAISES_MAX);
	if (!(triggers & (VTBPF_WATCH_EXIT | VTBPF_WATCH_ENTRY)))
		return;
	bpf_map__set_max_entries(skel->maps.watched_codes, WATCH_MAX);
	bpf_map__set_max_entries(skel->maps.watches, WATCH_MAX);
	bpf_map__set_map_flags(skel->maps.watches, BPF_F_MMAPABLE);
	bpf_map__set_map_flags(skel->maps.stacks, BPF_F_MMAPABLE);
}

static void configure(struct tracer *t, const struct tracer_config *cfg)
{
	struct vtbpf_bpf *skel = t->skel;
	uint64_t ring = tracer__ring_size(cfg->ring_bytes);

	skel->rodata->own_namespace = own_namespace__inode();
	skel->rodata->layout = t->plan.layout;
	skel->rodata->attrs = cfg->attrs;
	for (size_t i = 0; i < t->plan.n_sites; i++) {
		skel->rodata->sites[i] = t->plan.sites[i].site;
		if (t->plan.sites[i].site.flags &
		    (VTBPF_SITE_FRAME_IN_WORD | VTBPF_SITE_INSTR_IN_WORD))
			skel->rodata->sites_in_words = true;
	}
	skel->rodata->min_duration_ns = cfg->min_duration_ns;
	if (cfg->max_stack_depth >= 0)
		skel->rodata->max_stack_depth = cfg->max_stack_depth;
	skel->rodata->codes_watched = has_site(&t->plan, VTBPF_SITE_CODE_FREED);
	skel->rodata->unmatched_is_lost = cfg->jit;
	skel->rodata->budgeted = cfg->budgeted;
	skel->rodata->following = cfg->follow;
	skel->rodata->own_recording = getpid();
	skel->rodata->follows_another = cfg->family_fd;
	bpf_program__set_autoload(skel->progs.on_fork, cfg->follow);
	for (size_t i = 0; cfg->budgeted && i < t->plan.n_sites; i++)
		skel->rodata->site_costs[i] = cfg->site_costs[i];
	skel->rodata->wakeup_bytes = ring / 8 < (1 << 20) ? ring / 8 : 1 << 20;
	skel->rodata->cpus = (__u32)libbpf_num_possible_cpus();
	bpf_map__set_max_entries(skel->maps.events, ring);
	tracer__make_small(skel, cfg);
	configure_watches(skel, cfg->triggers);
	skel->rodata->raise_runtime = cfg->runtime;
	bpf_map__set_max_entries(skel->maps.alarms, tracer__ring_size(1));
}

struct bpf_program *tracer__site_program(const struct tracer *t, size_t site)
{
	char name[32];

	if (t->variant == TRACER_SAMPLES)
		return t->skel->progs.on_sample;
	if (t->variant == TRACER_MULTI)
		return t->args ? t->skel->progs.on_site_multi_args : t->skel->progs.on_site_multi;
	if (t->variant == TRACER_COOKIES)
		return t->args ? t->skel->progs.on_site_cookie_args : t->skel->progs.on_site_cookie;
	snprintf(name, sizeof(name), "on_site_%zu", site);
	return bpf_object__find_program_by_name(t->skel->obj, name);
}

/* The option that does not go without them; NULL: none. */
static const char *asks_for_cookies(const struct tracer_config *cfg)
{
	return cfg->gc	       ? "--gc" :
	       cfg->args       ? "--args" :
	       cfg->c_calls    ? "--c-calls" :
	       cfg->exceptions ? "--exceptions" :
	       cfg->async      ? "--async" :
				 NULL;
}

/* Is there a program for each site? */
static bool fits_variant(const struct tracer *t, const struct tracer_config *cfg)
{
	if (cfg->async && kernel_object__is_old())
		return false;
	return t->variant != TRACER_NUMBERED ||
	       (!asks_for_cookies(cfg) && t->plan.n_sites <= VTBPF_NUMBERED_SITES);
}

/* Loads the programs of one variant and no others: the rest may be beyond this kernel. */
static int load_variant(struct tracer *t, const struct tracer_config *cfg,
			enum tracer_variant variant)
{
	/* Kernels that want a program for each site are older than bpf_loop(). */
	bool old = variant == TRACER_NUMBERED || kernel_object__is_old();
	int err;

	t->variant = variant;
	if (!fits_variant(t, cfg))
		return -E2BIG;
	t->skel = tracer_early__take(cfg->early);
	if (t->skel && old != kernel_object__is_old()) {
		vtbpf_bpf__destroy(t->skel);
		t->skel = NULL;
	}
	if (!t->skel)
		t->skel = kernel_object__open(old, cfg->types_fd);
	if (!t->skel)
		return -errno;
	configure(t, cfg);
	err = cfg->family_fd ? bpf_map__reuse_fd(t->skel->maps.targets, cfg->family_fd) : 0;
	tracer_samples__prepare(t, cfg);
	tracer_sched__prepare(t, cfg);
	tracer_gil__prepare(t, cfg);
	tracer_async__prepare(t, cfg);
	tracer_other__prepare(t, cfg);
	tracer_exceptions__prepare(t, cfg);
	tracer_c_calls__prepare(t, cfg);
	bpf_program__set_autoload(t->skel->progs.on_site_multi, false);
	bpf_program__set_autoload(t->skel->progs.on_site_cookie, false);
	for (size_t i = 0; variant != TRACER_SAMPLES && i < t->plan.n_sites; i++)
		bpf_program__set_autoload(tracer__site_program(t, i), true);
	err = err ? err : vtbpf_bpf__load(t->skel);
	if (err) {
		vtbpf_bpf__destroy(t->skel);
		t->skel = NULL;
	}
	return err;
}

/* Does the kernel take a uprobe_multi link? Asked with a link that must fail for another reason: a
 * kernel that knows the type objects to the missing path, one that does not to the type. */
static bool probe_multi_link(const struct tracer *t)
{
	const struct bpf_program *prog = tracer__site_program(t, 0);
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	const unsigned long offset = 0;
	int fd;

	opts.uprobe_multi.path = "/";
	opts.uprobe_multi.offsets = &offset;
	opts.uprobe_multi.cnt = 1;
	/* The attach type by way of libbpf: <linux/bpf.h> of Debian 12 does not have its name yet. */
	fd = bpf_link_create(bpf_program__fd(prog), -1, bpf_program__expected_attach_type(prog),
			     &opts);
	if (fd >= 0)
		close(fd);
	return fd == -EBADF; /* what "/", not a regular file, gives */
}

/* For tests: as if the kernel could do no better than that. */
static enum tracer_variant wanted_variant(const struct tracer_config *cfg)
{
	const char *name = getenv("VTBPF_ATTACH");

	if (cfg->variant != TRACER_BEST || !name)
		return cfg->variant;
	return !strcmp(name, "cookies")	 ? TRACER_COOKIES :
	       !strcmp(name, "numbered") ? TRACER_NUMBERED :
					   TRACER_BEST;
}

bool tracer__expects_multi(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname uts;

	if (getenv("VTBPF_ATTACH") || uname(&uts) ||
	    sscanf(uts.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 6 || (major == 6 && minor >= 6);
}

/* Asked first, as it takes the verifier long to come to the call of a helper that it lacks. */
static bool has_cookies(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL) == 1;
}

/* The best variant that works, found by trying: version numbers lie about backports. */
static int load(struct tracer *t, const struct tracer_config *cfg)
{
	enum tracer_variant wanted = wanted_variant(cfg);
	int err;

	if (wanted != TRACER_BEST)
		return load_variant(t, cfg, wanted);
	if (!kernel_object__is_old()) {
		err = load_variant(t, cfg, TRACER_MULTI);
		if (!err && probe_multi_link(t))
			return 0;
		vtbpf_bpf__destroy(t->skel);
	}
	if (has_cookies() && !load_variant(t, cfg, TRACER_COOKIES))
		return 0;
	return load_variant(t, cfg, TRACER_NUMBERED);
}

static int on_ring_record(void *ctx, void *data, size_t size)
{
	struct tracer *t = ctx;
	size_t at = 0;

	/* One record, or a batch of calls. */
	while (at + sizeof(struct vtbpf_rec) <= size) {
		const struct vtbpf_rec *rec = (void *)((char *)data + at);
		int err;

		if (rec->len < sizeof(*rec) || rec->len > size - at)
			return 0;
		err = t->fn(t->ctx, rec);
		if (err)
			return err;
		at += rec->len;
	}
	t->handed += size;
	return t->most && t->handed >= t->most ? -EAGAIN : 0;
}

static int fill_slots(struct tracer *t)
{
	int fd = bpf_map__fd(t->skel->maps.free_slots);

	for (__u32 i = 0; i < bpf_map__max_entries(t->skel->maps.free_slots); i++)
		if (bpf_map_update_elem(fd, NULL, &i, BPF_ANY))
			return -errno;
	return 0;
}

static void explain_load_error(const struct tracer *t, const struct tracer_config *cfg, int err)
{
	if (cfg->async && kernel_object__is_old())
		log_error("--async: this kernel has no bpf_loop() (Linux 5.17), which it wants");
	else if (!fits_variant(t, cfg) && asks_for_cookies(cfg))
		log_error("%s: this kernel has no attach cookies (Linux 5.15), which it wants",
			  asks_for_cookies(cfg));
	else if (!fits_variant(t, cfg))
		log_error("this kernel has no attach cookies (Linux 5.15): no more than %d places "
			  "can be probed, and this interpreter needs %zu",
			  VTBPF_NUMBERED_SITES, t->plan.n_sites);
	else if (err == -EPERM) /* -EACCES is the verifier's */
		log_error("cannot load the BPF programs: %s though the capabilities are there; "
			  "the kernel may be locked down or a security module refuses bpf(); "
			  "'vtbpf doctor' shows what is allowed",
			  strerror(-err));
	else
		log_error("cannot load the BPF programs: %s; run again with -v -v for the "
			  "verifier's words",
			  strerror(-err));
}

struct tracer *tracer__new(const struct probe_plan *plan, const struct tracer_config *cfg,
			   tracer_record_fn fn, void *ctx)
{
	struct tracer *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return NULL;
	t->plan = *plan;
	t->fn = fn;
	t->ctx = ctx;
	t->budgeted = cfg->budgeted;
	t->following = cfg->follow;
	t->args = cfg->args;
	tracer__route_messages();
	err = load(t, cfg);
	if (!err)
		err = fill_slots(t);
	if (!err) {
		t->ring = ring_buffer__new(bpf_map__fd(t->skel->maps.events), on_ring_record, t,
					   NULL);
		err = t->ring ? 0 : -errno;
	}
	if (err) {
		explain_load_error(t, cfg, err);
		tracer__free(t);
		errno = -err;
		return NULL;
	}
	return t;
}

void tracer__free(struct tracer *t)
{
	if (!t)
		return;
	holder__stop(&t->holder);
	for (size_t i = 0; i < TRACER_WATCHES; i++) /* no uprobes: these may go by a system call */
		bpf_link__destroy(t->watch[i]);
	ring_buffer__free(t->ring);
	vtbpf_bpf__destroy(t->skel);
	free(t);
}

/* ---- verdicts --------------------------------------------------------------------------- */

int tracer__decide_thread(struct tracer *t, pid_t tid, const struct thread_verdict *verdict)
{
	__u32 key = tid;

	if (verdict->verdict == VERDICT_TRACE) /* it does not touch them while it is ignored */
		sweep__forget_deep(bpf_map__fd(t->skel->maps.deep_frames), tid);
	t->skel->bss->verdicts_ns = now_ns() + VERDICT_SLACK_NS;
	if (bpf_map_update_elem(bpf_map__fd(t->skel->maps.verdicts), &key, verdict, BPF_ANY))
		return -errno;
	__atomic_add_fetch(&t->skel->bss->generation, 1, __ATOMIC_RELEASE);
	return 0;
}

void tracer__forget_thread(struct tracer *t, pid_t tid, uint64_t start_time)
{
	int fd = bpf_map__fd(t->skel->maps.verdicts);
	struct thread_verdict v;
	__u32 key = tid;

	if (!bpf_map_lookup_elem(fd, &key, &v) && v.start_time == start_time)
		bpf_map_delete_elem(fd, &key);
}

void tracer__await_names(struct tracer *t)
{
	__atomic_store_n(&t->skel->bss->names_awaited, 1, __ATOMIC_RELEASE);
}

void tracer__set_verdict(struct tracer *t, uint32_t code, uint8_t verdict)
{
	if (code >= VTBPF_MAX_VERDICTS)
		return;
	verdict |= t->skel->bss->code_verdicts[code] & (VTBPF_WATCH_EXIT | VTBPF_WATCH_ENTRY);
	__atomic_store_n(&t->skel->bss->code_verdicts[code], verdict, __ATOMIC_RELEASE);
	if (verdict & VTBPF_HIDE_BELOW)
		__atomic_add_fetch(&t->skel->bss->cut_generation, 1, __ATOMIC_RELEASE);
}

/* ---- reading ---------------------------------------------------------------------------- */

int tracer__fd(const struct tracer *t)
{
	return ring_buffer__epoll_fd(t->ring);
}

int tracer__poll(struct tracer *t)
{
	int err;

	t->handed = 0;
	t->most = POLL_BYTES;
	err = ring_buffer__consume(t->ring);
	t->most = 0;
	return err == -EAGAIN ? 1 : err < 0 ? err : 0;
}

static int read_rest(struct tracer *t)
{
	int err = ring_buffer__consume(t->ring);

	return err < 0 ? err : 0;
}

int tracer__detach(struct tracer *t)
{
	int err = holder__stop(&t->holder);

	if (t->budgeted)
		tracer__end_spending(t);
	return err ? err : read_rest(t);
}

int tracer__detach_gone(struct tracer *t, struct holder *rest)
{
	holder__release(&t->holder);
	*rest = t->holder;
	t->holder.pid = 0;
	if (t->budgeted)
		tracer__end_spending(t);
	return read_rest(t);
}

void tracer__leave(struct tracer *t)
{
	close(t->holder.control_fd);
}

enum tracer_variant tracer__variant(const struct tracer *t)
{
	return t->variant;
}

static uint32_t verified_insns(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	return bpf_prog_get_info_by_fd(bpf_program__fd(prog), &info, &len) ? 0 :
									     info.verified_insns;
}

uint32_t tracer__verified_insns(const struct tracer *t)
{
	uint32_t n = verified_insns(tracer__site_program(t, 0));
	uint32_t more = t->sample_sleeps ? verified_insns(t->skel->progs.on_switch) : 0;

	if (t->exceptions)
		more = verified_insns(tracer_exceptions__program(t));
	return more > n ? more : n;
}
