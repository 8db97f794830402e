// SPDX-License-Identifier: GPL-2.0-only
#include "combine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode/decoder.h"
#include "decode/row_ids.h"
#include "log.h"
#include "outfile.h"
#include "progress.h"
#include "tmpfile.h"
#include "units.h"
#include "write/chrome_merge.h"
#include "write/writer.h"

#define OUTPUT_MODE 0666
#define WHY_SIZE 256
#define FD_PATH 32
#define SCAN_PART 0.6 /* of the time goes into reading ahead */

struct combining {
	const struct combine_options *o;
	const struct writer_ops *ops;
	struct merge_input *in;
	struct clock_input *clocks;
	size_t n;
	char *dir; /* for temporary files; NULL: any */
	struct convert_summary *sum;
};

/* All inputs are read in it. */
static void begin_stage(const struct combining *c, const char *what, double until)
{
	struct progress_stage stage = { .what = what, .until = until };

	for (size_t i = 0; i < c->n; i++)
		stage.expected += chrome_reader__size(c->in[i].reader);
	progress__stage(&stage);
}

/* ---- inputs ----------------------------------------------------------------------------- */

/* Converts the capture into an unnamed file; its path is good as long as *fd is open. */
static int convert_capture(const struct combining *c, const char *input, char *path, int *fd)
{
	struct convert_options conv = c->o->convert;
	struct convert_summary sum;
	int err;

	*fd = tmpfile__open(c->dir);
	if (*fd < 0) {
		log_error("%s: no temporary file can be made: %s", c->o->convert.output,
			  strerror(-*fd));
		return *fd;
	}
	snprintf(path, FD_PATH, "/proc/self/fd/%d", *fd);
	conv.input = input;
	conv.n_more_inputs = 0;
	conv.output = path;
	conv.output_named = true;
	conv.output_new = false;
	conv.format = NULL;
	conv.ops = &chrome_writer;
	conv.filter = (struct slice_filter){ .max_stack_depth = -1 };
	err = convert__run(&conv, &sum);
	if (!err && sum.torn)
		log_warn("%s: ends in the middle of a record; combined up to there", input);
	return err;
}

static int open_input(struct combining *c, struct merge_input *in)
{
	char why[WHY_SIZE] = "", path[FD_PATH];
	const char *name = in->name;
	int err = 0, fd = -1;

	if (!chrome_reader__fits(name)) {
		err = convert_capture(c, name, path, &fd);
		name = path;
	}
	if (!err) {
		err = chrome_reader__open(name, &in->reader, why, sizeof(why));
		if (err)
			log_error("%s: cannot be combined: %s", in->name,
				  *why ? why : strerror(-err));
	}
	if (fd >= 0) /* the reader has its own */
		close(fd);
	return err;
}

static int scan_input(struct combining *c, struct merge_input *in)
{
	const struct scan_options options = {
		.marker = c->o->marker,
		.cancel = c->o->convert.cancel,
	};
	const char *why;
	int err;

	err = trace_scan__read(&in->scan, in->reader, &options);
	if (!err || err == -ECANCELED)
		return err;
	why = *in->scan.why ? in->scan.why : chrome_reader__why(in->reader);
	log_error("%s: cannot be combined: %s", in->name, *why ? why : strerror(-err));
	return err;
}

static int read_inputs(struct combining *c)
{
	const struct convert_options *o = &c->o->convert;
	int err = 0;

	for (size_t i = 0; i < c->n && !err; i++) {
		c->in[i].name = i ? o->more_inputs[i - 1] : o->input;
		c->in[i].clock = &c->clocks[i];
		c->in[i].files = -1;
		err = open_input(c, &c->in[i]);
	}
	if (err)
		return err;
	progress__start(o->progress); /* conversions of captures have shown their own */
	begin_stage(c, "reading", SCAN_PART);
	for (size_t i = 0; i < c->n && !err; i++)
		err = scan_input(c, &c->in[i]);
	return err;
}

/* ---- one clock -------------------------------------------------------------------------- */

static bool all_have(const struct combining *c, const struct scan_marker *marker)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->in[i].scan.sync == CLOCK_UNKNOWN &&
		    !trace_scan__marker(&c->in[i].scan, marker->name, marker->n))
			return false;
	}
	return true;
}

/* The first instant event of a name that all have which do not name a moment themselves. */
static const struct scan_marker *common_marker(const struct combining *c)
{
	const struct scan_marker *m, *best = NULL;
	size_t i;

	for (i = 0; i < c->n && c->in[i].scan.sync != CLOCK_UNKNOWN; i++)
		;
	for (m = i < c->n ? c->in[i].scan.first_marker : NULL; m; m = m->next) {
		if ((!best || m->at < best->at) && all_have(c, m))
			best = m;
	}
	return best;
}

static int find_markers(struct combining *c)
{
	const char *name = c->o->marker;
	const struct scan_marker *common = name ? NULL : common_marker(c);

	for (size_t i = 0; i < c->n; i++) {
		const struct trace_scan *s = &c->in[i].scan;
		int64_t at = name ? s->wanted : s->sync;

		if (at == CLOCK_UNKNOWN && common)
			at = trace_scan__marker(s, common->name, common->n)->at;
		c->clocks[i].marker = at;
		if (at != CLOCK_UNKNOWN)
			continue;
		if (name)
			log_error("%s: has no event '%s' to align by", c->in[i].name, name);
		else
			log_error("%s: has no instant event that all inputs have; name an event "
				  "with --align marker=NAME",
				  c->in[i].name);
		return -ENOENT;
	}
	return 0;
}

static char *format_span(int64_t ns, bool sign, char *buf, size_t size)
{
	char text[32];

	format_ns((double)llabs(ns), text, sizeof(text));
	snprintf(buf, size, "%s%s", !sign ? "" : ns < 0 ? "-" : "+", text);
	return buf;
}

static void say_input(const struct merge_input *in)
{
	const struct clock_input *clock = in->clock;
	const char *host = in->scan.host ? in->scan.host : "unknown host";
	char shift[40], apart[40];

	format_span(clock->shift, true, shift, sizeof(shift));
	format_span(clock->uncertainty, false, apart, sizeof(apart));
	switch (clock->basis) {
	case CLOCK_WALL:
		log_info("%s: %s, shifted by %s by the wall clocks, uncertain by %s", in->name,
			 host, shift, apart);
		break;
	case CLOCK_ASSUMED:
		if (clock->uncertainty != CLOCK_UNKNOWN)
			log_info("%s: %s, taken for the same clock, uncertain by %s", in->name,
				 host, apart);
		else
			log_info("%s: %s, taken for the same clock, uncertainty unknown", in->name,
				 host);
		break;
	case CLOCK_START:
	case CLOCK_MARKER:
		log_info("%s: %s, shifted by %s to %s", in->name, host, shift,
			 clock->basis == CLOCK_START ? "begin with the first" :
						       "meet at the marker");
		break;
	default:
		log_info("%s: %s, same clock, not shifted", in->name, host);
	}
}

static int say_alignment(const struct combining *c)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->clocks[i].basis == CLOCK_NO_WAY) {
			log_error("%s: is of another machine, and nothing says where its clock "
				  "was; give --align start or --align marker",
				  c->in[i].name);
			return -EXDEV;
		}
		say_input(&c->in[i]);
		if (c->clocks[i].uncertainty != CLOCK_UNKNOWN &&
		    c->clocks[i].uncertainty >= CLOCK_UNSYNCHRONISED)
			log_warn("%s: a wall clock was not known to be synchronised: order between "
				 "machines may be wrong; --align marker may be better",
				 c->in[i].name);
	}
	return 0;
}

static int align(struct combining *c)
{
	static const enum clock_mode modes[] = {
		[COMBINE_BY_HOST] = CLOCK_BY_HOST,
		[COMBINE_BY_START] = CLOCK_BY_START,
		[COMBINE_BY_MARKER] = CLOCK_BY_MARKER,
	};
	int err = c->o->align == COMBINE_BY_MARKER ? find_markers(c) : 0;

	if (err)
		return err;
	for (size_t i = 0; i < c->n; i++) {
		c->clocks[i].boot = c->in[i].scan.boot;
		c->clocks[i].pairs = c->in[i].scan.pairs;
		c->clocks[i].n_pairs = c->in[i].scan.n_pairs;
		c->clocks[i].first = c->in[i].scan.first;
	}
	clock_align__solve(c->clocks, c->n, modes[c->o->align]);
	return say_alignment(c);
}

static int assign_ids(struct combining *c)
{
	struct row_ids_input *in = calloc(c->n, sizeof(*in));
	int err;

	if (!in)
		return -ENOMEM;
	for (size_t i = 0; i < c->n; i++) {
		in[i].scan = &c->in[i].scan;
		in[i].shift = c->clocks[i].shift;
	}
	err = row_ids__assign(in, c->n);
	free(in);
	return err;
}

/* ---- output ----------------------------------------------------------------------------- */

static int merge(struct combining *c, int fd, bool gzip)
{
	struct chrome_merge m = {
		.in = c->in,
		.n = c->n,
		.dir = c->dir,
		.cancel = c->o->convert.cancel,
	};
	struct outbuf out;
	int err = outbuf__init(&out, fd, gzip), written;

	if (err)
		return err;
	begin_stage(c, "combining", 1);
	err = chrome_merge__write(&m, &out);
	progress__stop();
	if (err && err != -ECANCELED && !out.err)
		log_error("%s: cannot be combined: %s", m.bad ? m.bad->name : c->in[0].name,
			  strerror(-err));
	if (!err && m.differing)
		log_warn("%llu source file%s not the same in all inputs; the first one's text is "
			 "shown",
			 (unsigned long long)m.differing, m.differing == 1 ? " is" : "s are");
	written = out.err;
	if (err)
		outbuf__release(&out);
	else
		err = written = outbuf__finish(&out);
	if (written)
		log_error("%s: cannot be written: %s", c->o->convert.output, strerror(-written));
	c->sum->bytes = out.bytes;
	return err;
}

static int64_t lost_of(const struct trace_scan *s)
{
	struct json_span info = { s->info.p, s->info.n }, losses, total;
	int64_t n = 0;

	if (!s->info.n || !json_text__find(info, "losses", &losses) ||
	    !json_text__find(losses, "total", &total) || !json_text__to_int(total, &n))
		return 0;
	return n > 0 ? n : 0;
}

/* Is it the row of a thread, and the first of that thread? */
static bool is_new_thread(const struct combining *c, size_t number, const struct scan_row *row)
{
	const struct scan_row *other;

	if (row->first == CLOCK_UNKNOWN || (!row->key.odd && row->key.tid > KERNEL_TID_MAX))
		return false;
	for (size_t i = 0; i < number && row->process->joined; i++) {
		other = trace_scan__row(&c->in[i].scan, &row->key);
		if (other && other->first != CLOCK_UNKNOWN &&
		    other->process->shown == row->process->shown)
			return false;
	}
	return true;
}

static void sum_up(struct combining *c)
{
	const struct scan_process *p;
	const struct scan_row *row;

	for (size_t i = 0; i < c->n; i++) {
		const struct trace_scan *s = &c->in[i].scan;

		c->sum->calls += s->calls;
		c->sum->lost += (uint64_t)lost_of(s);
		for (p = s->first_process; p; p = p->next)
			c->sum->processes += !p->joined;
		for (row = s->first_row; row; row = row->next)
			c->sum->threads += is_new_thread(c, i, row);
	}
}

static int write_json(struct combining *c)
{
	const struct convert_options *o = &c->o->convert;
	struct outfile file;
	int err = outfile__create(&file, o->output, "", OUTPUT_MODE);

	if (err) {
		log_error("%s: cannot be written: %s", o->output, strerror(-err));
		return err;
	}
	err = merge(c, file.fd, c->ops->gzip);
	if (err) {
		outfile__abort(&file);
		return err;
	}
	err = outfile__commit(&file);
	if (err)
		log_error("%s: cannot be written: %s", o->output, strerror(-err));
	sum_up(c);
	return err;
}

/* Other formats, and filters, are a matter of converting what was combined. */
static int write_converted(struct combining *c)
{
	struct convert_options conv = c->o->convert;
	int fd = tmpfile__open(c->dir), err = fd < 0 ? fd : 0;
	char path[FD_PATH];

	if (err) {
		log_error("%s: no temporary file can be made: %s", conv.output, strerror(-err));
		return err;
	}
	err = merge(c, fd, false);
	if (!err) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		conv.input = path;
		conv.n_more_inputs = 0;
		err = convert__run(&conv, c->sum);
	}
	close(fd);
	return err;
}

static bool is_filtered(const struct slice_filter *f)
{
	return f->n_ignore_threads || f->n_only_threads || f->min_duration_ns ||
	       f->max_stack_depth >= 0 || function_filter__is_set(&f->functions) ||
	       f->tracer_entries;
}

static int run(struct combining *c)
{
	bool is_json = c->ops == &chrome_writer || c->ops == &chrome_gzip_writer;
	int err = read_inputs(c);

	if (!err)
		err = align(c);
	if (!err) {
		err = assign_ids(c);
		if (err)
			log_error("cannot be combined: %s", strerror(-err));
	}
	if (err)
		return err;
	return is_json && !is_filtered(&c->o->convert.filter) ? write_json(c) : write_converted(c);
}

int combine__run(const struct combine_options *o, struct convert_summary *sum)
{
	struct combining c = { .o = o, .n = 1 + o->convert.n_more_inputs, .sum = sum };
	char why[WHY_SIZE];
	int err = -ENOMEM;

	memset(sum, 0, sizeof(*sum));
	c.ops = writer__find(o->convert.format, o->convert.output, why, sizeof(why));
	if (!c.ops || c.ops == &capture_writer) {
		log_error("%s: %s", o->convert.output,
			  c.ops ? "several traces cannot become one capture" : why);
		return -EINVAL;
	}
	c.dir = outfile__directory(o->convert.output);
	c.in = calloc(c.n, sizeof(*c.in));
	c.clocks = calloc(c.n, sizeof(*c.clocks));
	if (c.in && c.clocks)
		err = run(&c);
	progress__stop();
	for (size_t i = 0; i < c.n && c.in; i++) {
		trace_scan__release(&c.in[i].scan);
		chrome_reader__free(c.in[i].reader);
	}
	free(c.in);
	free(c.clocks);
	free(c.dir);
	return err;
}
