/* SPDX-License-Identifier: GPL-2.0-only */
/* What thread_names.c and thread_scan.c share. */
#ifndef VTBPF_THREAD_NAMES_STATE_H
#define VTBPF_THREAD_NAMES_STATE_H

#include <time.h>

#include <uthash.h>

#include "str_pieces.h"
#include "thread_names.h"

struct known_thread {
	pid_t tid; /* host */
	uint64_t ident;
	uint64_t root_self;   /* its Thread object, 0 unknown */
	uint64_t start_time;  /* as the kernel side told at its first event, 0: had none */
	uint64_t start_ticks; /* as /proc has it, 0 unknown */
	char *name;	      /* Python's, NULL unknown */
	char comm[VTBPF_COMM_LEN];
	struct str_pieces pieces; /* of its name, from the kernel side */
	bool early;		  /* it was there when recording began */
	bool gone;
	bool awaited; /* its name comes from the kernel side */
	bool ignore;  /* it had a name that is to be ignored ... */
	bool only;    /* ... or one of those that are wanted only */
	bool ignored;
	bool decided;
	UT_hash_handle hh;
};

struct thread_names {
	struct thread_names_config cfg;
	struct known_thread *threads;
	unsigned int nameless; /* threads with events that had no Python name yet */
	bool announced;	       /* the capture has begun: news are written */
	uint64_t next_scan;
	uint64_t backoff;
	uint64_t early_ticks; /* when recording began */
	uint64_t scan_ticks;  /* when the scan began, as start_ticks */
	uint64_t keep_before; /* threads that started before are remembered when they are gone */
	bool too_young;	      /* a thread could not be told from one before it */
	size_t ignored_gone;
	bool ident_known; /* how far ident is from the thread pointer, which depends on libc */
	uint64_t ident_distance;
};

/* What was read of a thread. */
struct news {
	uint64_t ident; /* 0 unknown */
	char *name;	/* malloc'ed, NULL unknown */
	const char *comm;
	bool name_final;  /* no other name is to be expected soon */
	bool first_event; /* the capture has just got its VTBPF_REC_THREAD */
};

/* The thread that has this id, as far as is known; NULL none. */
struct known_thread *known_thread__find(const struct thread_names *n, pid_t tid);

/* The same, made when there is none. NULL without memory. */
struct known_thread *known_thread__get(struct thread_names *n, pid_t tid);

void known_thread__forget(struct thread_names *n, struct known_thread *k);

/* Takes over what was read; writes it down when it is new, and decides. The name becomes ours. */
void known_thread__learn(struct thread_names *n, struct known_thread *k, const struct news *news);

/* The name by way of the Thread object that the thread's outermost frame has as `self`. It may be
 * too early (the thread enters its id there after its first calls) or too late (it is gone): then
 * NULL. */
char *known_thread__name_from_object(const struct thread_names *n, const struct known_thread *k);

/* That clock, in ns. */
uint64_t thread_names__clock(clockid_t id);

#endif
