// SPDX-License-Identifier: GPL-2.0-only
#include "finish.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "units.h"

static volatile bool cancelled;

static void on_signal(int sig)
{
	(void)sig;
	cancelled = true;
}

void finish__catch_signals(void)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		struct sigaction sa = { .sa_handler = on_signal };

		sigaction(sigs[i], &sa, NULL);
		sigaddset(&set, sigs[i]);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

struct convert_options finish__options(const struct options *o, const char *input)
{
	struct convert_options c = {
		.input = input,
		.output = o->output,
		.format = o->format,
		.output_named = o->output_named,
		.progress = !o->no_progress,
		.cancel = &cancelled,
		.filter = {
			.ignore_threads = o->ignore_threads.items,
			.n_ignore_threads = o->ignore_threads.n,
			.only_threads = o->only_threads.items,
			.n_only_threads = o->only_threads.n,
			.min_duration_ns = o->min_duration_ns,
			.max_stack_depth = o->max_stack_depth,
			.functions = o->functions,
			.tracer_entries = o->tracer_entries,
		},
	};

	return c;
}

/* One part of the line that says what the filters left out. */
static void add_part(char *line, size_t size, uint64_t n, const char *what)
{
	size_t at = strlen(line);
	char count[32];

	if (n)
		snprintf(line + at, size - at, "%s%s %s", at ? ", " : "",
			 format_count(n, count, sizeof(count)), what);
}

void finish__say_removed(const struct convert_summary *sum)
{
	char line[256] = "", threads[64];

	if (sum->ignored_threads)
		snprintf(threads, sizeof(threads), "events of %llu thread%s",
			 (unsigned long long)sum->ignored_threads,
			 sum->ignored_threads == 1 ? "" : "s");
	else /* those that `vtbpf ctl` ignores have what they did before in the trace */
		snprintf(threads, sizeof(threads), "events of threads that were ignored meanwhile");
	add_part(line, sizeof(line), sum->ignored, threads);
	add_part(line, sizeof(line), sum->hidden, "calls for their functions");
	add_part(line, sizeof(line), sum->too_short, "too short");
	add_part(line, sizeof(line), sum->too_deep, "too deep");
	add_part(line, sizeof(line), sum->too_old, "too old");
	if (*line)
		log_info("ignored %s", line);
}

static void say_samples(const char *output, const struct convert_summary *sum, const char *span)
{
	char size[32], calls[48] = "";

	if (sum->calls) /* what sampling was the rest of */
		snprintf(calls, sizeof(calls), "%llu calls, ", (unsigned long long)sum->calls);
	log_info("wrote %s (%s): %s%llu sample%s taken, %llu thread%s%s, %llu lost, "
		 "%llu unreadable",
		 output, format_size(sum->bytes, size, sizeof(size)), calls,
		 (unsigned long long)sum->samples, sum->samples == 1 ? "" : "s",
		 (unsigned long long)sum->threads, sum->threads == 1 ? "" : "s", span,
		 (unsigned long long)sum->samples_lost,
		 (unsigned long long)sum->samples_unreadable);
}

void finish__say(const char *output, const struct convert_summary *sum, uint64_t trace_ns)
{
	char size[32], span[32] = "", processes[48] = "";

	if (trace_ns)
		snprintf(span, sizeof(span), ", %.1f s", trace_ns / 1e9);
	if (sum->processes > 1)
		snprintf(processes, sizeof(processes), "%llu processes, ",
			 (unsigned long long)sum->processes);
	if (sum->torn)
		log_warn("the capture ends in the middle of a record; converted up to there");
	finish__say_removed(sum);
	if (sum->sampled)
		say_samples(output, sum, span);
	else
		log_info("wrote %s (%s): %llu call%s, %s%llu thread%s%s, %llu lost", output,
			 format_size(sum->bytes, size, sizeof(size)),
			 (unsigned long long)sum->calls, sum->calls == 1 ? "" : "s", processes,
			 (unsigned long long)sum->threads, sum->threads == 1 ? "" : "s", span,
			 (unsigned long long)sum->lost);
}

/* Small ones want a digit more. */
static char *format_percent(double part, char *text, size_t size)
{
	double percent = part * 100;

	snprintf(text, size, percent < 0.95 ? "%.2f%%" : "%.1f%%", percent);
	return text;
}

void finish__format_overhead(const struct finish_overhead *o, char *text, size_t size)
{
	char achieved[32], worst[32], windows[64] = "", samples[64] = "";

	if (o->in_windows)
		snprintf(windows, sizeof(windows), ", %u windows, coverage %.4f", o->windows,
			 o->coverage);
	if (o->sampled_ns)
		snprintf(samples, sizeof(samples), ", stacks sampled at %.1f Hz for %.1f s",
			 o->sample_hz, o->sampled_ns / 1e9);
	snprintf(text, size, "overhead: stated %g%%, achieved %s (worst 10 s %s)%s%s",
		 o->stated * 100, format_percent(o->achieved, achieved, sizeof(achieved)),
		 format_percent(o->worst, worst, sizeof(worst)), windows, samples);
}
