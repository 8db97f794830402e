// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "commands.h"
#include "convert.h"
#include "finish.h"
#include "log.h"
#include "outfile.h"
#include "sandbox.h"
#include "write/diff_writer.h"
#include "write/profile_writer.h"
#include "write/writer.h"

#define OUTPUT_MODE 0666
#define WHY_SIZE 256

/* Where the calls of one input go. */
struct diff_sink {
	struct profile_sink sink; /* first: it is what the writer knows */
	struct diff *diff;
	enum diff_which which;
};

static int take(struct profile_sink *sink, const struct profile *p)
{
	struct diff_sink *to = (struct diff_sink *)sink;

	return diff__add(to->diff, to->which, p);
}

static int read_input(const struct options *o, size_t i, struct diff *d)
{
	struct diff_sink sink = {
		.sink = { take },
		.diff = d,
		.which = i < o->n_before ? DIFF_BEFORE : DIFF_AFTER,
	};
	struct convert_options c = finish__options(o, o->inputs.items[i]);
	struct convert_summary sum;

	c.ops = &profile_sink_writer;
	c.sink = &sink.sink;
	c.output = "/dev/null"; /* nothing is written there */
	c.output_named = true;
	return convert__run(&c, &sum);
}

static int read_inputs(const struct options *o, struct diff *d)
{
	size_t i;
	int err = 0;

	for (i = 0; i < o->inputs.n && !err; i++)
		err = read_input(o, i, d);
	if (err)
		return err;
	if (!diff__comparable(d)) {
		log_error("diff: some of the traces are of calls and others of samples, or some of "
			  "CPU time and others with --wall: these cannot be compared");
		return -EINVAL;
	}
	err = diff__judge(d);
	if (err)
		log_error("diff: %s", strerror(-err));
	return err;
}

static int write_file(const struct diff_format *format, const struct diff_output *o,
		      const char *path)
{
	struct outfile file;
	struct outbuf out = {};
	int err = outfile__create(&file, path, "", OUTPUT_MODE);

	if (!err) {
		err = outbuf__init(&out, file.fd, false);
		if (!err)
			err = format->write(o, &out);
		if (!err)
			err = outbuf__finish(&out);
		outbuf__release(&out);
		if (err)
			outfile__abort(&file);
		else
			err = outfile__commit(&file);
	}
	if (err)
		log_error("%s: cannot be written: %s", path, strerror(-err));
	return err;
}

static int compare(const struct options *o, const struct diff_format *format)
{
	const char *path = o->output_named ? o->output : "/dev/stdout";
	struct diff_output out = {
		.inputs = { o->inputs.items, o->inputs.items + o->n_before },
		.limit = o->report.limit,
	};
	struct diff *d = diff__new(format->stacks);
	int err = d ? read_inputs(o, d) : -ENOMEM;

	out.d = d;
	if (!err)
		err = write_file(format, &out, path);
	if (!err && o->output_named && !outfile__is_stream(path))
		log_info("wrote %s", path);
	diff__free(d);
	return err;
}

int cmd_diff(const struct options *o)
{
	const char *output = o->output_named ? o->output : NULL;
	const struct diff_format *format;
	char why[WHY_SIZE];

	format = o->json ? &diff_json : diff_format__find(o->format, output, why, sizeof(why));
	if (!format) {
		log_error("%s%s%s", output ? output : "", output ? ": " : "", why);
		return EXIT_USAGE;
	}
	/* Whether a file can be made there does not depend on the format. */
	if (output && convert__check_output(output, "json", true))
		return EXIT_FAILED;
	finish__catch_signals();
	sandbox__enter(SANDBOX_CONVERT);
	return compare(o, format) ? EXIT_FAILED : EXIT_OK;
}
