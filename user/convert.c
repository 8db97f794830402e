// SPDX-License-Identifier: GPL-2.0-only
#include "convert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode/capture_list.h"
#include "decode/chrome_filter.h"
#include "decode/chrome_profile.h"
#include "decode/replay.h"
#include "log.h"
#include "outfile.h"
#include "progress.h"
#include "write/chrome_copy.h"
#include "write/writer.h"

#define OUTPUT_MODE 0666
#define CAPTURE_MODE 0600
#define LOOK_EVERY 4096 /* slices between two looks at the cancel flag */
#define WHY_SIZE 256

/* One conversion under way. */
struct conversion {
	const struct convert_options *opts;
	const struct writer_ops *ops;
	struct chrome_filter report;
	bool is_report; /* the input is a Chrome trace, not a capture */
	struct capture *capture;
	struct session *session;
	struct replay replay;
	struct outfile file;
	struct writer writer;
};

/* ---- conversion ------------------------------------------------------------------------- */

static bool cancelled(const struct convert_options *opts)
{
	return opts->cancel && *opts->cancel;
}

/* Parts of the whole after each stage, by the CPU time that they were seen to take. */
static void begin_reading(const struct conversion *c)
{
	const struct progress_stage stage = {
		.what = "reading",
		.until = c->ops->gzip && !c->ops->profile ? 0.05 : 0.12,
		.expected = capture__size(c->capture),
	};

	progress__stage(&stage);
}

/* Of a capture, for the last time. */
static void begin_converting(const struct conversion *c)
{
	const struct progress_stage stage = {
		.what = "converting",
		.until = c->ops->profile ? 0.6 : 1,
		.expected = capture__size(c->capture),
	};

	progress__stage(&stage);
}

/* Most formats that are made of a profile walk over its calls twice. */
static void begin_writing(uint64_t calls)
{
	const struct progress_stage stage = { "writing", 1, 2 * calls, PROGRESS_CALLS };

	progress__stage(&stage);
}

static void begin_report(const struct conversion *c, const char *what, double until)
{
	const struct progress_stage stage = {
		.what = what,
		.until = until,
		.expected = chrome_reader__size(c->report.reader),
	};

	progress__stage(&stage);
}

/* A machine's clock and ids mean the same only until it is booted again. */
static int check_one_boot(const struct conversion *c)
{
	const struct session_texts *t = &c->session->texts[VTBPF_TEXT_BOOT_ID];

	for (size_t i = 1; i < t->n; i++) {
		if (!strcmp(t->text[i].data, t->text[0].data))
			continue;
		log_error("%s: was recorded on another machine, or before a reboot, than others of "
			  "the captures; convert those of one machine together",
			  c->opts->input);
		return -EXDEV;
	}
	return 0;
}

static int read_capture(struct conversion *c)
{
	const char *input = c->opts->input;
	int err;

	begin_reading(c);
	c->session = session__new();
	err = c->session ? session__read(c->session, c->capture, c->opts->cancel) : -ENOMEM;
	if (err && err != -ECANCELED)
		log_error("%s: cannot be read: %s", input, strerror(-err));
	if (!err && c->session->damage)
		log_warn("%s: %s; what lies before is converted", input, c->session->damage);
	return err ? err : check_one_boot(c);
}

static int open_capture(struct conversion *c)
{
	struct capture_paths paths = {
		.first = c->opts->input,
		.more = c->opts->more_inputs,
		.n_more = c->opts->n_more_inputs,
	};
	char why[WHY_SIZE];
	int err = capture__open_all(&paths, &c->capture, why, sizeof(why));

	if (err)
		log_error("%s: cannot be converted: %s", paths.bad, why);
	return err;
}

static int announce_track(struct conversion *c, struct track *t)
{
	t->announced = true;
	return c->ops->track(&c->writer, t);
}

static int announce(struct conversion *c)
{
	const struct session_process *p = c->session->processes;
	struct track *t;
	int err = 0;

	for (; p && !err; p = p->next)
		err = c->ops->process(&c->writer, p);
	for (t = track_table__first(c->session->tracks); t && !err; t = t->all) {
		if (!t->thread->ignored)
			err = announce_track(c, t);
	}
	return err;
}

/* Once in a while: 0, or why not to go on. */
static int look_around(struct conversion *c)
{
	if (cancelled(c->opts))
		return -ECANCELED;
	return c->writer.out.err;
}

static struct track *track_of(enum replay_kind kind, const struct replay_item *item)
{
	if (kind == REPLAY_SLICE)
		return item->slice.track;
	if (kind == REPLAY_EVENT)
		return item->event.track;
	return kind == REPLAY_GAP ? item->gap.track : item->sample.track;
}

static int write_item(struct conversion *c, enum replay_kind kind, const struct replay_item *item)
{
	struct track *t = track_of(kind, item);
	int err = 0;

	if (!t->announced) /* it was made meanwhile */
		err = announce_track(c, t);
	if (err)
		return err;
	if (kind == REPLAY_SLICE)
		return c->ops->slice(&c->writer, &item->slice);
	if (kind == REPLAY_SAMPLE)
		return c->ops->sample ? c->ops->sample(&c->writer, &item->sample) : 0;
	if (kind == REPLAY_EVENT)
		return c->ops->event ? c->ops->event(&c->writer, &item->event) : 0;
	return c->ops->gap(&c->writer, &item->gap);
}

static int write_items(struct conversion *c)
{
	struct replay_item item;
	unsigned int n = 0;
	int kind, err;

	while ((kind = replay__next(&c->replay, &item)) > 0) {
		err = write_item(c, kind, &item);
		if (!err && ++n % LOOK_EVERY == 0)
			err = look_around(c);
		if (err)
			return err;
	}
	return kind;
}

static int write_trace(struct conversion *c)
{
	int err;

	begin_converting(c);
	if (!c->ops->begin)
		return capture_copy__write(&c->writer);
	err = c->ops->begin(&c->writer);
	if (!err)
		err = announce(c);
	if (!err)
		err = write_items(c);
	if (!err && c->ops->profile)
		begin_writing(c->replay.slices);
	return err ? err : c->ops->end(&c->writer);
}

static int finish_output(struct conversion *c, int err)
{
	if (!err && cancelled(c->opts))
		err = -ECANCELED;
	if (!err)
		return outbuf__finish(&c->writer.out);
	outbuf__release(&c->writer.out);
	return err;
}

/* All that goes into the file open at c->file. Says what went wrong, unless it was the writing. */
static int write_output(struct conversion *c)
{
	const struct replay_input in = { c->session, c->capture, &c->opts->filter };
	struct writer *w = &c->writer;
	int err;

	w->ops = c->ops;
	w->session = c->session;
	w->capture = c->capture;
	w->replay = &c->replay;
	w->cancel = c->opts->cancel;
	err = outbuf__init(&w->out, c->file.fd, c->ops->gzip);
	if (err)
		return err;
	err = replay__start(&c->replay, &in, c->opts->cancel);
	if (!err)
		err = write_trace(c);
	if (err && err != -ECANCELED && !w->out.err)
		log_error("%s: cannot be converted: %s", c->opts->input, strerror(-err));
	if (c->ops->release)
		c->ops->release(w);
	return finish_output(c, err);
}

/* ---- reports ---------------------------------------------------------------------------- */

/* Says why a report cannot be read, or filtered. */
static int report_error(const struct conversion *c, int err)
{
	const struct chrome_filter *f = &c->report;
	const char *why = strerror(-err);

	if (!err || err == -ECANCELED || c->writer.out.err)
		return err;
	if (*f->why)
		why = f->why;
	else if (*chrome_reader__why(f->reader))
		why = chrome_reader__why(f->reader);
	log_error("%s: cannot be converted: %s", c->opts->input, why);
	return err;
}

static int write_profile(struct conversion *c)
{
	struct profile *p = profile__new(c->writer.dir);
	int err = -ENOMEM;

	if (p) {
		p->cancel = c->opts->cancel;
		p->keeps_args = c->ops->shows_args;
		begin_report(c, "converting", 0.8);
		err = chrome_profile__read(&c->report, p);
	}
	if (!err) {
		begin_writing(p->calls);
		err = c->ops->profile(&c->writer, p);
	}
	profile__free(p);
	return err;
}

static int write_report(struct conversion *c)
{
	int err = outbuf__init(&c->writer.out, c->file.fd, c->ops->gzip);

	if (err)
		return err;
	if (c->ops->profile) {
		err = write_profile(c);
	} else {
		begin_report(c, "converting", 1);
		err = chrome_copy__write(&c->report, &c->writer.out);
	}
	return finish_output(c, report_error(c, err));
}

/* ---- all -------------------------------------------------------------------------------- */

static int make_file(struct conversion *c)
{
	const char *output = c->opts->output;
	mode_t mode = c->ops->begin ? OUTPUT_MODE : CAPTURE_MODE;
	int err = outfile__create(&c->file, output, "", mode);
	bool ours = err; /* is it an error of the output? */
	char *dir = outfile__directory(output);

	c->writer.dir = dir;
	if (!err) {
		err = c->is_report ? write_report(c) : write_output(c);
		ours = c->writer.out.err;
		if (err) {
			outfile__abort(&c->file);
		} else {
			c->file.keep_existing = c->opts->output_new;
			err = outfile__commit(&c->file);
			ours = err;
		}
	}
	if (ours)
		log_error("%s: cannot be written: %s", output, strerror(-err));
	free(dir);
	return err;
}

static void sum_up_removed(const struct conversion *c, struct convert_summary *sum)
{
	const struct selection *sel = &c->replay.selection;
	const struct vtbpf_counters *n = &c->session->counters;

	sum->filtered = selection__removed(sel);
	sum->ignored_threads = selection__ignored_threads(sel);
	sum->ignored = n->ignored + c->session->samples.ignored + sel->removed[REMOVED_THREAD];
	sum->hidden = n->hidden + sel->removed[REMOVED_FUNCTION];
	sum->too_short = n->below_min + sel->removed[REMOVED_SHORT];
	sum->too_deep = n->too_deep + sel->removed[REMOVED_DEEP];
	sum->too_old = c->session->overwritten + sel->removed[REMOVED_OLD];
}

static void sum_up_samples(const struct conversion *c, struct convert_summary *sum)
{
	const struct vtbpf_sample_counters *n = &c->session->samples;

	sum->sampled = c->session->sampling.period != 0;
	sum->samples = c->replay.sampling.samples;
	sum->samples_lost = n->lost;
	sum->samples_unreadable = n->unreadable;
}

static void sum_up(const struct conversion *c, struct convert_summary *sum)
{
	const struct session_process *p;
	const struct thread *th;

	sum->calls = c->replay.slices;
	sum_up_samples(c, sum);
	sum_up_removed(c, sum);
	sum->lost = session__lost(c->session);
	sum->bytes = c->writer.out.bytes;
	sum->torn = c->session->damage;
	for (th = thread_table__first(c->session->threads); th; th = th->next)
		sum->threads += th->slices > 0 || th->sampled > 0;
	for (p = c->session->processes; p; p = p->next)
		sum->processes++;
}

static void sum_up_report(const struct chrome_filter *f, struct convert_summary *sum)
{
	struct chrome_totals totals = chrome_filter__totals(f);

	sum->calls = f->calls;
	sum->threads = totals.threads;
	sum->ignored_threads = totals.ignored_threads;
	sum->ignored = f->removed[REMOVED_THREAD];
	sum->hidden = f->removed[REMOVED_FUNCTION];
	sum->too_short = f->removed[REMOVED_SHORT];
	sum->too_deep = f->removed[REMOVED_DEEP];
	sum->too_old = f->removed[REMOVED_OLD];
	sum->filtered = sum->ignored + sum->hidden + sum->too_short + sum->too_deep + sum->too_old;
	sum->lost = chrome_filter__lost(f);
}

/* VizTracer writes no idents: who selects by one must know that it selects nothing. */
static void warn_of_idents(const struct conversion *c)
{
	const struct slice_filter *f = &c->opts->filter;
	bool asked = false;
	size_t i;

	for (i = 0; i < f->n_ignore_threads; i++)
		asked |= !strncmp(f->ignore_threads[i], "ident:", 6);
	for (i = 0; i < f->n_only_threads; i++)
		asked |= !strncmp(f->only_threads[i], "ident:", 6);
	if (asked && !chrome_filter__totals(&c->report).idents)
		log_warn("%s: does not say its threads' idents; select them by tid or name",
			 c->opts->input);
}

static int convert_report(struct conversion *c, struct convert_summary *sum)
{
	struct chrome_filter *f = &c->report;
	char why[WHY_SIZE];
	int err;

	if (c->ops == &capture_writer) {
		log_error("%s: is a JSON report, which cannot become a capture", c->opts->input);
		return -EINVAL;
	}
	err = chrome_reader__open(c->opts->input, &f->reader, why, sizeof(why));
	if (err) {
		log_error("%s: cannot be converted: %s", c->opts->input, why);
		return err;
	}
	c->is_report = true;
	f->filter = &c->opts->filter;
	f->cancel = c->opts->cancel;
	f->reads_once = c->ops->profile && chrome_filter__reads_once(f->filter);
	if (!f->reads_once)
		begin_report(c, "reading", 0.4);
	err = report_error(c, chrome_filter__start(f));
	if (!err) {
		warn_of_idents(c);
		err = make_file(c);
	}
	if (!err) {
		sum_up_report(f, sum);
		sum->bytes = c->writer.out.bytes;
	}
	chrome_filter__release(f);
	chrome_reader__free(f->reader);
	return err;
}

static int run(const struct convert_options *opts, struct convert_summary *sum)
{
	struct conversion c = { .opts = opts };
	char why[WHY_SIZE];
	int err;

	c.ops = opts->ops ? opts->ops : writer__find(opts->format, opts->output, why, sizeof(why));
	c.writer.report = opts->report;
	c.writer.sink = opts->sink;
	if (!c.ops) {
		log_error("%s: %s", opts->output, why);
		return -EINVAL;
	}
	if (chrome_reader__fits(opts->input)) {
		if (!opts->n_more_inputs)
			return convert_report(&c, sum);
		log_error("%s: is a JSON report; only captures can be converted together",
			  opts->input);
		return -EINVAL;
	}
	err = open_capture(&c);
	if (!err)
		err = read_capture(&c);
	if (!err)
		err = make_file(&c);
	if (!err)
		sum_up(&c, sum);
	replay__release(&c.replay);
	session__free(c.session);
	capture__free(c.capture);
	return err;
}

int convert__run(const struct convert_options *opts, struct convert_summary *sum)
{
	int err;

	memset(sum, 0, sizeof(*sum));
	progress__start(opts->progress);
	err = run(opts, sum);
	progress__stop();
	return err;
}
