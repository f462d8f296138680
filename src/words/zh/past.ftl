# A journey's past: the chart, what people noted on it, what is planned; the wallboard, the feed and the document.

## How far back

range-day = 24 小时
range-week = 7 天
range-month = 30 天
range-quarter = 90 天
range-year = 1 年
past-day = 最近 24 小时
past-week = 最近 7 天
past-month = 最近 30 天
past-quarter = 最近 90 天
past-year = 最近一年
past-ranges = 回看多久

## The chart

told-day = 最近 24 小时
told-week = 最近 7 天
told-month = 最近 30 天
told-quarter = 最近 90 天
told-year = 最近一年
told-unseen = { $length }：尚无观测
told-past = { $length }：平均 { $mean }，最低 { $worst }
told-incidents = ，{ $count } 个事件
told-gaps = ，{ $length }未观测
told-planned = ，其中包括计划维护
mark = { $kind }：{ $title }
past-lost-most = 损失，最多 { $most }
past-incidents = 事件
past-unseen = 斜线部分：<strong>{ $length }</strong>无人观测，既不算好也不算坏
past-all-seen = 斜线表示无人观测，此处没有
past-planned = 计划维护
past-numbers = 以数字查看
column-mean = 平均分
column-lost = 损失分钟
column-unseen = 未观测

## The axis: what % letters mean is strftime's

axis-week = { $day } %-d日
axis-month = %-m月%-d日
axis-january = %Y年
axis-year = %-m月
spell-week = %-m月%-d日 { $day }
spell-month = %-m月%-d日起
spell-year = %Y年%-m月%-d日起
weekday-monday = 周一
weekday-tuesday = 周二
weekday-wednesday = 周三
weekday-thursday = 周四
weekday-friday = 周五
weekday-saturday = 周六
weekday-sunday = 周日

## What hurt, and what people noted

past-worst = 影响最大的事件
past-noted = 备注
noted-everywhere = 所有旅程
noted-by = { $by } 记录于 { $when }
noted-remove = 移除
noted-remove-this = 移除「{ $title }」
occasion-campaign = 营销活动
occasion-release = 版本发布
occasion-launch = 新品上线
occasion-note = 备注
when-from-to = { $from } 至 { $to }
compared-refused = 存储无法给出前后的情况。
compared-ahead = { $length }后开始。
compared-too-soon = 现在下结论为时尚早。
compared-unseen = 前后各 { $length }的观测不足，无法比较。
compared-known = 之前平均 { $before }，之后平均 { $after }，各 { $length }；体感 { $felt-before } 与 { $felt-after }；损失 { $lost-before } 与 { $lost-after } 分钟。

## The form

note-title = 记录一次活动、发布或上线
note-kind = 类型
note-what = 名称
note-from = 开始
note-until = 结束（如有）
note-text = 补充说明
note-everywhere = 涉及所有旅程
note-do = 记录
note-zone = 时间以 { $zone } 时区为准。

## Elsewhere

ahead-title = 近期计划
trend-yesterday = 与昨天相比
trend-last-week = 与一周前相比
trend-then = 当时为 { $score }
wall-title = 大屏
feed-title = { $company }：旅程健康度
written-title = 定义：<code>{ $file }</code>
written-note = 以守护进程读取的内容为准。密钥只以引用出现，文件中没有任何密钥。
happened-noted = { $by } 备注：{ $title }
happened-noted-more = { $by } 备注：{ $title }（{ $text }）
incident-document = 事件文档
incident-document-note = （Markdown），可继续编辑

## The document of an incident

document-open = 自 { $from } 起，仍未结束：{ $length }
document-over = { $from } 至 { $to }：{ $length }
document-removed = { $from } 至 { $to }，相关对象不再监测：{ $length }
document-merged = { $from } 至 { $to }，归入另一事件：{ $length }
document-incident = 事件 `{ $id }`，严重级别 { $severity }
document-zone = 时间以 { $zone } 时区为准
document-taken = 由 { $by } 于 { $at } 认领
document-taken-why = 由 { $by } 于 { $at } 认领：{ $why }
document-impact = 影响
document-unhurt = 没有旅程受到影响。
document-costs = | 旅程 | 最大失分 | 期间损失的旅程分钟 | 期间未观测 |
document-unknown = 未知
document-minutes = { $count } 分钟
document-whatever = 损失的分钟包括事件期间影响该旅程的一切因素。
document-cause = 原因
document-no-fault = 没有找到单一的失败步骤。
document-shared = 共同点：{ $shared }。
document-trace = 链路：{ $trace }
document-places = | 触点 | 负责方 |
document-seen = { $what }：{ $value }
document-advice = 处理建议：{ $advice }。
document-timeline = 经过
document-told = 通知了谁
document-letters = | 接收方 | 内容 | 结果 | 尝试次数 | 时间 |
