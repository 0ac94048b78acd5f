-- SPDX-License-Identifier: GPL-3.0-or-later
-- Time from announcement to bind: how long must pinholes live?
SELECT count(*) AS binds, median(rpc_bind.age) AS half_within_s,
	quantile_cont(rpc_bind.age, 0.95) AS most_within_s,
	quantile_cont(rpc_bind.age, 0.99) AS nearly_all_within_s, max(rpc_bind.age) AS longest_s
FROM events
WHERE event_type = 'rpc_bind' AND rpc_bind.verdict <> 'deny' AND rpc_bind.age IS NOT NULL;
