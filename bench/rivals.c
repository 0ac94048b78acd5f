/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rivals.h"

const struct rival *const rivals[] = {
#ifdef BENCH_UTHASH
	&rival_uthash,
#endif
#ifdef BENCH_URCU
	&rival_urcu,
#endif
#ifdef BENCH_GLIB
	&rival_glib,
#endif
#ifdef BENCH_NFT
	&rival_nft,
#endif
#ifdef BENCH_BPF
	&rival_bpf,
#endif
	NULL,
};
