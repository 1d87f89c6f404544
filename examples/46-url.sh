#!/bin/sh
# 46 - a URL taken apart, and what each part is used for.
. "$(dirname "$0")/lib.sh"
lesson "URLs"

run host0 browser
say "The parts of one:"
on host0 2 'url https://kytos02.cs.virginia.edu:443/cs3130-spring2023/quizzes/quiz.php?qid=02#q2'
say "Not all have all of them; two that are no pages:"
on host0 2 'url sftp://cr4bd@portal.cs.virginia.edu/u/cr4bd/file.txt'
on host0 2 'url tel:+1-434-982-2225'
say "In a page a link may leave out what is the same as in the page's own URL:"
on host0 2 'url ../img/map.png?x=1 base=http://www.virginia.edu/a/b/c.html'
say "Malformed ones are refused:"
fails "echo 'url http://www.virginia.edu:port/' > proc/2/ctl"

say "Who uses which part? A server with one page, and a file hosts that knows its name:"
host www
plug host0 eth0 lan0 10.0.0.10/24
plug www eth0 lan0 10.0.0.80/24
show "mkdir hosts/www/files/a; echo 'A page.' > hosts/www/files/a/page.txt"
show "printf '%s\n' 'spawn httpd' '2 serve http 8080' > hosts/www/ctl"
show "echo '10.0.0.80 www.virginia.edu' >> net/hosts"
ask "Of http://www.virginia.edu:8080/a/page.txt?x=1#top: what goes to DNS, what to TCP, what to the server, what to nobody?"
on host0 2 'get http://www.virginia.edu:8080/a/page.txt?x=1#top trace=1'
say "The scheme says which protocol is spoken (and which port, if none is said); the host's name is looked up, and sent as well, because
one computer may serve many names; path and query are the server's; the fragment is the browser's own. In a row, on the wire:"
show "awk 'NR > 1 { print \$9, \$10, \$8 }' wires/lan0/frames | uniq -c | sed 's/^ *//'"
say "Without trace the result is the page:"
on host0 2 'get http://www.virginia.edu:8080/a/page.txt'
fails "echo 'get http://www.virginia.edu:8080/a/other.txt' > proc/2/ctl"
fails "echo 'get http://www.virginia.edu/a/page.txt' > proc/2/ctl"
