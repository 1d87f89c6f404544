/* victim.c - a program to be loaded: code, data that ends within a page, zeros over several pages. It never runs far. */
char zeros[20000];
char data[5000] = "data";
const char constant[3000] = "constant";

#ifdef BARE
void _start(void);
void _start(void)
#else
int main(void)
#endif
{
	for (;;)
		zeros[0] = (char)(data[0] + constant[0]);
}
