-- SPDX-License-Identifier: GPL-3.0-or-later
-- Alerts by signature and technique, worst first
SELECT alert.severity AS severity, alert.signature AS signature,
	list_sort(list_distinct(flatten(list(coalesce(alert.metadata.mitre_technique_id, [])))))
		AS techniques,
	count(*) AS times, count(DISTINCT src_ip) AS clients
FROM events
WHERE event_type = 'alert'
GROUP BY alert.severity, alert.signature
ORDER BY severity, times DESC, signature;
