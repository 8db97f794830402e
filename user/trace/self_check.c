// SPDX-License-Identifier: GPL-2.0-only
#include "self_check.h"

#include <stdio.h>

/* A few misfits have other causes: calls beyond the recursion limit, which end without having begun
 * (one or two in each thousand calls of a runaway recursion); memory that was paged out. */
#define MIN_MISFITS 20
#define MISFITS_PER_CENT 1

/* A call whose exit is lost and that is made again from the same place looks like one entry that
 * was dispatched twice. True re-dispatches happen when instrumentation changes: seldom. */
#define DUPLICATES_PER_CENT 10

#define PLEASE_REPORT                                                                             \
	"do not trust this trace, and please report it with the output of 'vtbpf doctor -p PID' " \
	"and the interpreter's origin"

/* Code objects that were replaced at their address while the probe that tells of it kept silent. */
static bool misses_dead_codes(const struct vtbpf_counters *c, char *text, size_t size)
{
	if (!c->stale_codes)
		return false;
	snprintf(text, size,
		 "the probe plan does not fit this interpreter: %llu code objects died unseen, so "
		 "that calls may carry the name of a function that is gone; " PLEASE_REPORT,
		 (unsigned long long)c->stale_codes);
	return true;
}

bool self_check__contradicts(const struct vtbpf_counters *c, char *text, size_t size)
{
	__u64 misfits = c->unmatched + c->exit_missed + c->entry_missed;
	__u64 calls = c->calls + c->lost + c->below_min + c->too_deep;

	if (c->duplicates * 100 > (calls + c->duplicates) * DUPLICATES_PER_CENT)
		misfits += c->duplicates;
	if (misfits < MIN_MISFITS || misfits * 100 < (calls + misfits) * MISFITS_PER_CENT)
		return misses_dead_codes(c, text, size);
	snprintf(
		text, size,
		"the probe plan does not fit this interpreter: beside %llu calls, %llu exits came "
		"without an entry, %llu frames were seen that were never entered, of %llu the exit "
		"was not seen, %llu entries came twice; " PLEASE_REPORT,
		(unsigned long long)calls, (unsigned long long)c->unmatched,
		(unsigned long long)c->entry_missed, (unsigned long long)c->exit_missed,
		(unsigned long long)c->duplicates);
	return true;
}
