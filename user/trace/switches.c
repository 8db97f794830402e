// SPDX-License-Identifier: GPL-2.0-only
#include "switches.h"

#include <stdlib.h>
#include <time.h>

#include "../discover/proc_task.h"

#define LOOK_NS 1000000000ULL
#define FIRST_LOOK_NS 200000000ULL
#define SHARE 500 /* looking may take a five hundredth of the time */
#define LEARN 0.3 /* of a lower rate; a higher one is believed at once */
#define SECOND 1e9

void switches__init(struct switches *s)
{
	*s = (struct switches){ .rate = -1 };
}

void switches__release(struct switches *s)
{
	free(s->seen);
	s->seen = NULL;
	s->n_seen = 0;
}

/* How many are new; the most that one thread has of these is put into *most. */
static uint64_t count_new(const struct switches *s, const struct switch_look *look, uint64_t *most)
{
	uint64_t all = 0, n;
	size_t was = 0;

	*most = 0;
	for (size_t i = 0; i < look->n; i++) {
		n = look->counts[i].runs;
		while (was < s->n_seen && s->seen[was].tid < look->counts[i].tid)
			was++;
		if (was < s->n_seen && s->seen[was].tid == look->counts[i].tid &&
		    s->seen[was].runs <= n)
			n -= s->seen[was].runs;
		all += n;
		*most = n > *most ? n : *most;
	}
	return all;
}

uint64_t switches__note(struct switches *s, const struct switch_look *look)
{
	uint64_t wait = s->at ? LOOK_NS : FIRST_LOOK_NS, most, all = count_new(s, look, &most), n;
	double rate, time = look->at - s->at;

	n = all * look->share > most ? all * look->share : most;
	if (!s->at || look->at <= s->at) {
		n = 0;
	} else {
		s->all = all * SECOND / time;
		rate = n * SECOND / time;
		s->rate = rate > s->rate ? rate : s->rate + (rate - s->rate) * LEARN;
	}
	switches__release(s);
	s->seen = look->counts;
	s->n_seen = look->n;
	s->at = look->at;
	s->next = look->at + (look->took * SHARE > wait ? look->took * SHARE : wait);
	return n;
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

uint64_t switches__look(struct switches *s, pid_t pid, uint64_t now, double share)
{
	struct switch_look look = { .at = now, .share = share };
	uint64_t begin = cpu_ns();
	pid_t *tids = NULL;

	if (now < s->next || proc_task__list(pid, &tids, &look.n))
		return 0;
	look.counts = calloc(look.n + 1, sizeof(*look.counts));
	for (size_t i = 0; look.counts && i < look.n; i++)
		look.counts[i] = (struct switch_count){ tids[i], proc_task__runs(pid, tids[i]) };
	free(tids);
	look.took = cpu_ns() - begin;
	return look.counts ? switches__note(s, &look) : 0;
}
