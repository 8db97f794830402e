// SPDX-License-Identifier: GPL-2.0-only
#include "py_gc.h"

#include "py_interpreters.h"
#include "py_threads.h"

#define LAST_IN_RUNTIME 8 /* 3.8 */
#define MAX_GILS 64

int py_gc__flags(struct py_reader *r, uint64_t *addrs, int max)
{
	int n;

	py_reader__begin(r);
	if (r->l.minor <= LAST_IN_RUNTIME) {
		addrs[0] = r->runtime + r->l.gc_collecting;
		return max > 0;
	}
	n = py_interpreters__list(r, addrs, max);
	for (int i = 0; i < n; i++)
		addrs[i] += r->l.gc_collecting;
	return n;
}

pid_t py_gc__running_thread(struct py_reader *r, pid_t pid)
{
	struct py_gil gils[MAX_GILS];
	struct py_threads threads = {};
	int n = py_gils__read(r, gils, MAX_GILS);
	pid_t tid = 0;

	if (n <= 0 || py_threads__read(r, &threads))
		return 0;
	if (!py_threads__map_tids(&threads, pid))
		for (size_t i = 0; i < threads.n; i++)
			for (int k = 0; k < n; k++)
				if (gils[k].holder && threads.threads[i].tstate == gils[k].holder)
					tid = threads.threads[i].tid;
	py_threads__free(&threads);
	return tid;
}
