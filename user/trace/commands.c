// SPDX-License-Identifier: GPL-2.0-only
/* What `vtbpf ctl` asks of a recording. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../log.h"
#include "family.h"
#include "recording_state.h"

/* ---- lists of strings ------------------------------------------------------------------- */

static int list_add(struct str_list *l, char *s)
{
	const char **items = s ? realloc(l->items, (l->n + 1) * sizeof(*items)) : NULL;

	if (!items) {
		free(s);
		return -ENOMEM;
	}
	l->items = items;
	l->items[l->n++] = s;
	return 0;
}

static void list_free(struct str_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((char *)l->items[i]);
	free(l->items);
	memset(l, 0, sizeof(*l));
}

/* Where s is in the list; its length when it is not there. */
static size_t list_find(const struct str_list *l, const char *s)
{
	size_t i = 0;

	while (i < l->n && strcmp(l->items[i], s))
		i++;
	return i;
}

static void list_remove(struct str_list *l, size_t i)
{
	memmove(&l->items[i], &l->items[i + 1], (l->n - i - 1) * sizeof(*l->items));
	l->n--;
}

/* ---- status ----------------------------------------------------------------------------- */

/* One line of the status: key, blank, value. The values come from the target, too. */
__attribute__((format(printf, 3, 4))) static void line(FILE *out, const char *key, const char *fmt,
						       ...)
{
	char value[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	for (char *p = value; *p; p++)
		if (*p == '\n')
			*p = ' ';
	fprintf(out, "%s %s\n", key, value);
}

static void put_command(const struct target *t, FILE *out)
{
	char text[1024] = "";
	size_t n = t->cmdline_len < sizeof(text) ? t->cmdline_len : sizeof(text) - 1;

	if (n)
		memcpy(text, t->cmdline, n);
	for (size_t i = 0; i + 1 < n; i++)
		if (!text[i])
			text[i] = ' ';
	line(out, "command", "%s", text);
}

static void put_samples(struct recording *r, FILE *out)
{
	struct vtbpf_sample_counters c;

	tracer__sample_counters(r->tracer, &c);
	line(out, "samples", "%llu", (unsigned long long)c.taken);
	line(out, "samples_lost", "%llu", (unsigned long long)c.lost);
	line(out, "samples_unreadable", "%llu", (unsigned long long)c.unreadable);
	line(out, "samples_ignored", "%llu", (unsigned long long)c.ignored);
}

static void put_counts(struct recording *r, FILE *out)
{
	bool only_samples = r->cfg->tracer.variant == TRACER_SAMPLES;
	struct recorder_use use;
	struct vtbpf_counters c;

	tracer__counters(r->tracer, &c);
	if (r->sampling)
		put_samples(r, out);
	if (!only_samples) {
		line(out, "calls", "%llu", (unsigned long long)c.calls);
		line(out, "lost", "%llu", (unsigned long long)c.lost);
	}
	line(out, "ignored_threads", "%zu", thread_names__ignored(r->names) + family__ignored(r));
	line(out, "ignored_events", "%llu", (unsigned long long)c.ignored);
	line(out, "hidden", "%llu", (unsigned long long)c.hidden);
	line(out, "below_min_duration", "%llu", (unsigned long long)c.below_min);
	line(out, "below_max_stack_depth", "%llu", (unsigned long long)c.too_deep);
	line(out, "capture_bytes", "%llu", (unsigned long long)(r->w->written + r->w->used));
	if (!r->recorder)
		return;
	recorder__use(r->recorder, &use);
	line(out, only_samples ? "kept_samples" : "kept_calls", "%llu",
	     (unsigned long long)use.calls);
	line(out, "kept_bytes", "%llu", (unsigned long long)use.bytes);
	line(out, only_samples ? "dropped_samples" : "dropped_calls", "%llu",
	     (unsigned long long)use.dropped);
}

static enum control_result status(struct recording *r, FILE *out)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), paused = r->paused_ns;
	char version[16];

	if (r->paused)
		paused += now - r->window_stop;
	line(out, "pid", "%d", r->cfg->target->pid);
	put_command(r->cfg->target, out);
	line(out, "python", "%s", py_version_str(r->cfg->plan->version, version, sizeof(version)));
	line(out, "tracer_pid", "%d", getpid());
	line(out, "state", "%s", r->paused ? "paused" : "tracing");
	line(out, "start_us", "%.3f", r->res->start / 1e3);
	line(out, "seconds", "%.3f", (now - r->res->start) / 1e9);
	line(out, "pauses", "%u", r->pauses);
	line(out, "paused_seconds", "%.3f", paused / 1e9);
	pacing__status(r, out);
	put_counts(r, out);
	line(out, "output", "%s", r->cfg->output);
	for (size_t i = 0; i < r->cfg->n_filters; i++)
		line(out, "filter", "%s", r->cfg->filters[i]);
	for (size_t i = 0; i < r->noted.n; i++)
		line(out, "filter", "%s", r->noted.items[i]);
	for (size_t i = 0; i < r->ignore.n; i++)
		line(out, "ignored", "%s", r->ignore.items[i]);
	return CONTROL_OK;
}

/* ---- filters ---------------------------------------------------------------------------- */

/* The trace says which filters were in force, and since when. */
static void note(struct recording *r, const struct ctl_request *req)
{
	double at = (clock_ns(CLOCK_MONOTONIC) - r->res->start) / 1e9;
	char *text = NULL;

	if (asprintf(&text, "ctl: %s %s at +%.3f s", ctl_request__name(req->command), req->arg,
		     at) < 0)
		return;
	recording__put_text(r, VTBPF_TEXT_FILTER, text);
	list_add(&r->noted, text);
}

static void select_threads(struct recording *r, FILE *out)
{
	size_t n;

	thread_names__select(r->names, r->ignore.items, r->ignore.n);
	family__select(r);
	n = thread_names__ignored(r->names) + family__ignored(r);
	fprintf(out, "%zu thread%s ignored now\n", n, n == 1 ? " is" : "s are");
}

static enum control_result ignore_thread(struct recording *r, const struct ctl_request *req,
					 FILE *out)
{
	if (list_find(&r->ignore, req->arg) < r->ignore.n) {
		fprintf(out, "'%s' was ignored already\n", req->arg);
		return CONTROL_OK;
	}
	if (list_add(&r->ignore, strdup(req->arg))) {
		fputs("out of memory\n", out);
		return CONTROL_ERROR;
	}
	if (!r->ignoring_since)
		r->ignoring_since = clock_ns(CLOCK_MONOTONIC);
	select_threads(r, out);
	note(r, req);
	return CONTROL_OK;
}

static enum control_result unignore_thread(struct recording *r, const struct ctl_request *req,
					   FILE *out)
{
	struct str_list *decode = r->cfg->ignore_in_decode;
	size_t i = list_find(&r->ignore, req->arg);
	const char *selector;

	if (i == r->ignore.n) {
		fprintf(out, "'%s' is not ignored; ", req->arg);
		fputs(i ? "what is:" : "nothing is\n", out);
		for (size_t j = 0; j < i; j++)
			fprintf(out, " '%s'%s", r->ignore.items[j], j + 1 < i ? "," : "\n");
		return CONTROL_ERROR;
	}
	selector = r->ignore.items[i];
	list_remove(&r->ignore, i);
	/* What it records from now on must not be taken out again when the trace is written. */
	i = decode ? list_find(decode, selector) : 0;
	if (decode && i < decode->n)
		list_remove(decode, i);
	free((char *)selector);
	select_threads(r, out);
	note(r, req);
	return CONTROL_OK;
}

static enum control_result ignore_function(struct recording *r, const struct ctl_request *req,
					   FILE *out)
{
	if (function_verdicts__ignore(r->functions, req->arg)) {
		fputs("out of memory\n", out);
		return CONTROL_ERROR;
	}
	fprintf(out, "functions that match '%s' are ignored now, with all that they call\n",
		req->arg);
	note(r, req);
	return CONTROL_OK;
}

/* ---- course ----------------------------------------------------------------------------- */

static enum control_result pause_recording(struct recording *r, FILE *out)
{
	if (r->pacing.on ? r->pacing.by_user : r->paused) {
		fputs("it is paused already; resume goes on\n", out);
		return CONTROL_ERROR;
	}
	if (r->pacing.on ? pacing__pause(r) : window__pause(r)) {
		fputs("paused, but the last records could not be read\n", out);
		return CONTROL_ERROR;
	}
	fputs("paused; no probe is left in the process\n", out);
	log_verbose("paused");
	return CONTROL_OK;
}

static enum control_result resume_windows(struct recording *r, FILE *out)
{
	if (!r->pacing.by_user) {
		fputs(r->paused ? "it waits for the hours of --active, and was not paused\n" :
				  "it is not paused\n",
		      out);
		return CONTROL_ERROR;
	}
	pacing__resume(r);
	fputs(r->paused ? "it goes on at the hours of --active\n" : "tracing again\n", out);
	return CONTROL_OK;
}

static enum control_result resume_recording(struct recording *r, FILE *out)
{
	int err;

	if (r->pacing.on)
		return resume_windows(r, out);
	if (!r->paused) {
		fputs("it is not paused\n", out);
		return CONTROL_ERROR;
	}
	err = window__resume(r);
	if (r->res->end) {
		fputs("the process has ended or become another program; its trace ends\n", out);
		return CONTROL_ERROR;
	}
	if (err) {
		fprintf(out, "cannot attach again: %s; it stays paused\n", strerror(-err));
		return CONTROL_ERROR;
	}
	fputs("tracing again\n", out);
	log_verbose("tracing again");
	return CONTROL_OK;
}

static enum control_result dump(struct recording *r, FILE *out)
{
	char why[512] = "";

	if (!snapshot__begin(r, DUMP_FOR_CTL, why, sizeof(why)))
		return CONTROL_LATER;
	fprintf(out, "%s\n", why);
	return CONTROL_ERROR;
}

static enum control_result on_request(void *ctx, const struct ctl_request *req, FILE *out)
{
	struct recording *r = ctx;

	log_verbose("ctl: %s%s%s", ctl_request__name(req->command), req->arg ? " " : "",
		    req->arg ? req->arg : "");
	switch (req->command) {
	case CTL_STATUS:
		return status(r, out);
	case CTL_PAUSE:
		return pause_recording(r, out);
	case CTL_RESUME:
		return resume_recording(r, out);
	case CTL_IGNORE_THREAD:
		return ignore_thread(r, req, out);
	case CTL_UNIGNORE_THREAD:
		return unignore_thread(r, req, out);
	case CTL_IGNORE_FUNCTION:
		return ignore_function(r, req, out);
	case CTL_DUMP:
		return dump(r, out);
	case CTL_STOP:
		recording__end_with(r, END_CONTROL);
		return CONTROL_LATER;
	case CTL_COMMANDS:
		break;
	}
	return CONTROL_ERROR;
}

/* ---- begin and end ---------------------------------------------------------------------- */

void commands__listen(struct recording *r)
{
	const struct recording_config *cfg = r->cfg;
	pid_t pid = cfg->target->pid;

	for (size_t i = 0; i < cfg->n_ignore_threads; i++)
		list_add(&r->ignore, strdup(cfg->ignore_threads[i]));
	r->control = control__new(CTL_DIR, pid, on_request, r);
	if (r->control)
		return;
	if (errno == EEXIST)
		log_warn("another vtbpf traces process %d: 'vtbpf ctl -p %d' reaches that one, not "
			 "this",
			 pid, pid);
	else
		log_warn("%s: %s; 'vtbpf ctl' cannot reach this trace", CTL_DIR, strerror(errno));
}

void commands__end(struct recording *r)
{
	char text[4200];

	snprintf(text, sizeof(text), "recording has ended, no probe is left; writing %s\n",
		 r->cfg->output);
	control__answer(r->control, CTL_STOP, CONTROL_OK, text);
	control__free(r->control);
	r->control = NULL;
}

void commands__free(struct recording *r)
{
	control__free(r->control);
	list_free(&r->ignore);
	list_free(&r->noted);
}
