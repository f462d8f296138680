# What alerts say to people. Commands in them are the same in every language.

## Before the headline

prefix-update = 情况有变：
prefix-remind = 仍未恢复：
prefix-taken = { $by } 正在处理：
prefix-taken-by-somebody = 有人正在处理：
prefix-escalate = 无人响应：
prefix-removed = 不再监测：
prefix-merged = 归入另一事件：
prefix-mended = 已恢复：

## Lines

letter-since = 自 { $from } 起，已持续 { $lasted }。
letter-from-to = { $from } 至 { $to }，持续 { $lasted }。
letter-found = （{ $of } 应为 { $expected }，实际为 { $found }）
letter-cause = 原因：{ $text }{ $found } [{ $code }]
letter-excerpt = 对方返回：{ $excerpt }
letter-shared = 共同点：{ $shared }。
letter-loses =
    「{ $journey }」{ $tense ->
        [over] 曾因此
       *[open] 因此
    }失去 { $points } 分（满分 100）。
letter-advice = 处理建议：{ $advice }。
letter-trace = 链路 { $trace }
letter-trace-link = 链路：{ $link }
letter-unanswered = 尚无人认领；{ $names } 自 { $since } 起已知悉。
letter-own = 原因：{ $why }
letter-changed = 变化：{ $what }。
next-own = 下一步：查看 Unbroken 自己的页面和日志。
next-explain = 下一步：查看失分最多之处：unbroken explain { $id }
next-probe = 下一步：试运行：{ $command }
next-probe-owner = 下一步：负责方 { $owner }；试运行：{ $command }

## Of many at once

storm-things =
    { $how ->
        [broken] 又有 { $count } 处中断
        [still] { $count } 处仍未恢复
       *[over] { $count } 处已恢复
    }
storm-more =
    { $how ->
        [still] { $count } 处仍未恢复
       *[over] { $count } 处已恢复
    }
storm-journeys = 另外 { $count } 条旅程
storm-begins = { $within } 秒内的消息超过 { $after } 条：其余合并为一条。
storm-can-wait = （可稍后处理）{ $what }
storm-rest = …… 另有 { $count } 项。
