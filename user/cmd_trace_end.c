// SPDX-License-Identifier: GPL-2.0-only
/* The end of a trace: what was captured becomes the output. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd_trace.h"
#include "commands.h"
#include "convert.h"
#include "finish.h"
#include "log.h"
#include "overhead.h"
#include "trace/member.h"
#include "trace/recording.h"
#include "units.h"

static int capture_is_short(const struct trace_end *tr)
{
	if (!access(tr->capture_path, F_OK))
		log_error("%s: %s; what was captured until then is kept there: "
			  "vtbpf convert %s -o OUT",
			  tr->capture_path, strerror(-tr->result->capture_err), tr->capture_path);
	else
		log_error("%s: %s, and the file is gone; what was captured is lost",
			  tr->capture_path, strerror(-tr->result->capture_err));
	return EXIT_FAILED;
}

static void say_samples(const struct trace_end *tr, const char *size)
{
	const struct vtbpf_sample_counters *n = &tr->result->samples;

	log_info("wrote %s (%s): %llu samples taken, %.1f s, %llu lost, %llu unreadable",
		 tr->capture_path, size, (unsigned long long)n->taken,
		 (tr->result->stop - tr->result->start) / 1e9, (unsigned long long)n->lost,
		 (unsigned long long)n->unreadable);
}

static int finish_capture(const struct trace_end *tr)
{
	const struct vtbpf_counters *n = &tr->result->counters;
	struct convert_summary left_out = {
		.ignored = n->ignored,
		.ignored_threads = tr->result->ignored_threads,
		.hidden = n->hidden,
		.too_short = n->below_min,
		.too_deep = n->too_deep,
		.too_old = tr->result->overwritten,
	};
	char size[32] = "";
	struct stat st;

	finish__say_removed(&left_out);
	if (!fstat(tr->capture_fd, &st))
		format_size(st.st_size, size, sizeof(size));
	if (tr->o->hz) {
		say_samples(tr, size);
		overhead__say(tr->result);
		return EXIT_OK;
	}
	log_info("wrote %s (%s): %llu calls, %.1f s, %llu lost", tr->capture_path, size,
		 (unsigned long long)tr->result->calls,
		 (tr->result->stop - tr->result->start) / 1e9,
		 (unsigned long long)tr->result->lost);
	overhead__say(tr->result);
	return tr->result->end == END_FAILED ? EXIT_FAILED : EXIT_OK;
}

/* With triggers there is nothing but their dumps. */
static int finish_dumps(const struct trace_end *tr)
{
	const struct hits_sums *hits = &tr->result->hits;
	unsigned long long suppressed = hits->suppressed, beyond = hits->beyond;

	unlink(tr->capture_path);
	log_info("wrote %u dump%s: %llu calls, %.1f s, %llu hits suppressed (%llu in a cool-down, "
		 "%llu beyond --max-dumps %u), %llu lost",
		 tr->result->dumps, tr->result->dumps == 1 ? "" : "s",
		 (unsigned long long)tr->result->calls,
		 (tr->result->stop - tr->result->start) / 1e9, suppressed + beyond, suppressed,
		 beyond, tr->o->max_dumps, (unsigned long long)tr->result->lost);
	return tr->result->dumps < hits->taken ? EXIT_FAILED : EXIT_OK;
}

static void say_kept(const struct trace_end *tr)
{
	log_error("the capture is kept: vtbpf convert %s%s -o OUT", tr->capture_path,
		  tr->result->n_kin ? " CAPTURE..." : "");
	for (size_t i = 0; i < tr->result->n_kin; i++)
		log_error("and that of another interpreter: %s", tr->result->kin_captures[i]);
}

static void remove_kin(const struct trace_end *tr)
{
	for (size_t i = 0; i < tr->result->n_kin; i++)
		unlink(tr->result->kin_captures[i]);
}

void trace__remove_captures(const struct trace_end *tr)
{
	unlink(tr->capture_path);
	remove_kin(tr);
}

int trace__finish(const struct trace_end *tr)
{
	struct convert_options c = finish__options(tr->o, tr->capture_path);
	struct convert_summary sum;
	int err;

	tr->report->short_capture = tr->result->capture_err;
	if (tr->result->capture_err)
		return capture_is_short(tr);
	if (tr->o->triggers.n) {
		tr->report->capture[0] = '\0';
		return finish_dumps(tr);
	}
	if (tr->is_member) {
		overhead__format(tr->result, tr->pid, tr->report->last_words,
				 sizeof(tr->report->last_words));
		return EXIT_OK;
	}
	if (tr->to_capture && !tr->result->n_kin)
		return finish_capture(tr);
	c.filter.ignore_threads = tr->ignore->items;
	c.filter.n_ignore_threads = tr->ignore->n;
	if (tr->to_capture) /* it becomes one with those of the others, whole */
		c.filter = (struct slice_filter){ .max_stack_depth = -1 };
	c.more_inputs = (const char **)tr->result->kin_captures;
	c.n_more_inputs = tr->result->n_kin;
	finish__catch_signals();
	err = convert__run(&c, &sum);
	if (err) {
		say_kept(tr);
		return EXIT_FAILED;
	}
	if (!tr->to_capture)
		unlink(tr->capture_path);
	remove_kin(tr);
	finish__say(tr->o->output, &sum, tr->result->stop - tr->result->start);
	overhead__say(tr->result);
	return tr->result->end == END_FAILED ? EXIT_FAILED : EXIT_OK;
}
