// SPDX-License-Identifier: GPL-2.0-only
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "code_table.h"
#include "report_stats.h"
#include "text_set.h"

static int number_files(struct report_making *m)
{
	const struct profile *p = m->p;
	struct text_set files = {};
	int64_t no = 0;
	size_t i;

	m->r->files = calloc(p->n_functions + 1, sizeof(*m->r->files));
	m->file_active = calloc(p->n_functions + 1, sizeof(*m->file_active));
	if (!m->r->files || !m->file_active)
		no = -ENOMEM;
	for (i = 0; i < p->n_functions && no >= 0; i++) {
		no = text_set__add(&files, p->functions[i].file.p, p->functions[i].file.n);
		if (no < 0)
			break;
		m->stats[i].file = (uint32_t)no;
		m->r->files[no].name = p->functions[i].file;
	}
	m->r->n_files = files.n;
	text_set__release(&files);
	return no < 0 ? (int)no : 0;
}

/* What a sampled thread waits for is the last frame of its stack. */
static void note_waiting(struct report_making *m, const struct report_thread_function *here)
{
	const struct profile_function *f = &m->p->functions[here->function];
	int mark = f->file.n ? -1 : code_mark__find(f->name.p, f->name.n);

	if (mark < CODE_OFF_CPU || !profile__is_sampled(m->p))
		return;
	m->thread->waiting[mark - CODE_OFF_CPU] += here->self;
	m->r->has_waiting = true;
}

/* What the functions did on the track that was just walked. */
static int take_functions(struct report_making *m)
{
	size_t i, n = 0;

	for (i = 0; i < m->p->n_functions; i++)
		n += m->stats[i].here.calls > 0;
	m->thread->functions = calloc(n + 1, sizeof(*m->thread->functions));
	if (!m->thread->functions)
		return -ENOMEM;
	for (i = 0; i < m->p->n_functions; i++) {
		struct report_thread_function *here = &m->stats[i].here;

		if (!here->calls)
			continue;
		here->function = (uint32_t)i;
		note_waiting(m, here);
		m->thread->functions[m->thread->n_functions++] = *here;
		memset(here, 0, sizeof(*here));
	}
	return 0;
}

static int add_track(struct report_making *m, const struct profile_track *t)
{
	int err;

	m->thread = &m->r->threads[m->r->n_threads++];
	m->thread->track = t;
	if (profile__is_sampled(m->p) && m->p->samples)
		err = report_samples__add(m, t);
	else
		err = report_calls__add(m, t);
	return err ? err : take_functions(m);
}

/* Losses belong to the thread's row, if it has one. */
static void add_losses(struct report *r, const struct profile_track *t)
{
	size_t i;

	for (i = 0; i < r->n_threads; i++) {
		const struct profile_track *o = r->threads[i].track;

		if (o->pid == t->pid && o->tid == t->thread && !o->is_gaps)
			break;
	}
	if (i == r->n_threads)
		r->threads[r->n_threads++].track = t;
	r->threads[i].lost += t->lost;
}

static int add_tracks(struct report_making *m)
{
	const struct profile *p = m->p;
	size_t i;
	int err = 0;

	m->r->threads = calloc(p->n_tracks + 1, sizeof(*m->r->threads));
	if (!m->r->threads)
		return -ENOMEM;
	for (i = 0; i < p->n_tracks && !err; i++) {
		if (!profile_track__is_empty(p->tracks[i]) && !p->tracks[i]->is_gaps)
			err = add_track(m, p->tracks[i]);
	}
	for (i = 0; i < p->n_tracks && !err; i++) {
		if (p->tracks[i]->is_gaps && p->tracks[i]->lost)
			add_losses(m->r, p->tracks[i]);
	}
	return err;
}

static double within(double value, uint64_t min, uint64_t max)
{
	return value < (double)min ? (double)min : value > (double)max ? (double)max : value;
}

static void finish_function(struct report_function *f, const struct function_stats *st)
{
	const struct sketch *s = st->all.n ? &st->all : &st->open;

	if (!s->n)
		return;
	if (!st->all.n)
		f->min = (uint64_t)sketch__at(s, 0);
	if (f->min > f->max)
		f->min = f->max;
	f->mean = (double)(st->all.n ? st->sum : st->open_sum) / (double)s->n;
	f->p50 = within(sketch__quantile(s, 0.5), f->min, f->max);
	f->p99 = within(sketch__quantile(s, 0.99), f->min, f->max);
}

/* Slices of samples, from JSON: how many samples their time is. */
static void count_samples(struct report *r, uint64_t period)
{
	size_t i, k;

	for (i = 0; i < r->p->n_functions; i++) {
		r->functions[i].calls = (r->functions[i].total + period / 2) / period;
		r->functions[i].self_samples = (r->functions[i].self + period / 2) / period;
	}
	for (i = 0; i < r->n_files; i++)
		r->files[i].calls = (r->files[i].total + period / 2) / period;
	for (i = 0; i < r->n_threads; i++) {
		struct report_thread *th = &r->threads[i];

		th->calls = (th->busy + period / 2) / period;
		for (k = 0; k < th->n_functions; k++)
			th->functions[k].calls = (th->functions[k].total + period / 2) / period;
	}
}

static int make(struct report_making *m)
{
	size_t i;
	int err = number_files(m);

	if (!err)
		err = add_tracks(m);
	if (err)
		return err;
	if (profile__is_sampled(m->p)) {
		if (!m->p->samples)
			count_samples(m->r, m->p->period);
		return 0;
	}
	for (i = 0; i < m->p->n_functions; i++)
		finish_function(&m->r->functions[i], &m->stats[i]);
	err = report_outliers__find(m);
	return err ? err : report_drift__find(m);
}

int report__make(struct report *r, const struct profile *p)
{
	struct report_making m = { .r = r, .p = p };
	size_t i;
	int err = -ENOMEM;

	memset(r, 0, sizeof(*r));
	r->p = p;
	r->functions = calloc(p->n_functions + 1, sizeof(*r->functions));
	m.stats = calloc(p->n_functions + 1, sizeof(*m.stats));
	if (r->functions && m.stats)
		err = make(&m);
	for (i = 0; m.stats && i < p->n_functions; i++) {
		sketch__release(&m.stats[i].all);
		sketch__release(&m.stats[i].outer);
		sketch__release(&m.stats[i].open);
		free(m.stats[i].trend);
	}
	free(m.stats);
	free(m.file_active);
	return err;
}

uint64_t report_thread__running(const struct report_thread *th)
{
	uint64_t running = th->busy;
	unsigned int i;

	for (i = 0; i < VTBPF_WAITS; i++)
		running -= th->waiting[i] < running ? th->waiting[i] : running;
	return running;
}

void report__release(struct report *r)
{
	size_t i;

	for (i = 0; i < r->n_threads; i++)
		free(r->threads[i].functions);
	free(r->threads);
	free(r->functions);
	free(r->files);
	free(r->outliers);
	free(r->drift);
	memset(r, 0, sizeof(*r));
}
