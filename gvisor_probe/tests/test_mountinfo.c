#include "gvisor_probe/observe/mountinfo.h"

#include "common/tests/unit.h"

/* Lines that real kernels wrote. */
static const char gofer[] =
    "12 1 0:21 / /host rw - 9p none rw,trans=fd,rfdno=4,wfdno=4,aname=/,dfltuid=4294967294,"
    "dfltgid=4294967294,dcache=1000,cache=remote_revalidating,disable_fifo_open,directfs";
static const char sealed[] = "12 1 0:30 / /host rw - overlay none rw,size=65536k";
static const char docker[] =
    "612 540 0:51 / / rw,relatime master:219 - overlay overlay "
    "rw,lowerdir=/var/lib/docker/overlay2/l/A:/var/lib/docker/overlay2/l/B,upperdir=/u,workdir=/w";
static const char kata[] =
    "70 60 0:33 / / rw,relatime shared:1 master:2 - 9p kataShared rw,trans=virtio,cache=mmap";

/* The caller frees; the mount borrows from it. */
static char *parsed(const char *line, struct mount *ret)
{
    char *copy = strdup(line);
    CHECK(mount_parse(copy, ret), "%s", line);
    return copy;
}

static struct file_policy policy_of(const char *line)
{
    struct mount mount;
    char *copy = parsed(line, &mount);
    struct file_policy policy = file_policy_of(&mount, NULL);
    free(copy);
    return policy;
}

static void a_line_is_cut_into_its_fields(void **state)
{
    struct mount mount;
    char *copy = parsed(docker, &mount);

    (void)state;
    assert_int_equal(mount.id, 612);
    assert_int_equal(mount.parent, 540);
    assert_string_equal(mount.device, "0:51");
    assert_string_equal(mount.root, "/");
    assert_string_equal(mount.point, "/");
    assert_string_equal(mount.options, "rw,relatime");
    assert_string_equal(mount.fstype, "overlay");
    assert_string_equal(mount.source, "overlay");
    assert_true(mount_option(mount.super_options, "upperdir", NULL, NULL));
    free(copy);
}

static void escapes_in_names_are_undone(void **state)
{
    struct mount mount;
    char *copy = parsed("1 0 8:1 / /a\\040b\\134c\\011 rw - ext4 /dev/sda rw", &mount);

    (void)state;
    assert_string_equal(mount.point, "/a b\\c\t");
    free(copy);
}

static void super_options_may_be_missing(void **state)
{
    struct mount mount;
    char *copy = parsed("1 0 0:4 / /proc rw - proc none", &mount);

    (void)state;
    assert_string_equal(mount.super_options, "");
    free(copy);
}

static void broken_lines_are_refused(void **state)
{
    static const char *const lines[] = {
        "",
        "x 0 8:1 / / rw - ext4 /dev/sda rw",
        "1 0 8:1 / / rw ext4 /dev/sda rw",
        "1 0 8:1 / /",
        "1 0 8:1 / / rw - ext4",
        "1 -1 8:1 / / rw - ext4 /dev/sda rw",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct mount mount;
        char *copy = strdup(lines[i]);
        CHECK(!mount_parse(copy, &mount), "%s", lines[i]);
        free(copy);
    }
}

static void a_file_is_read_without_its_broken_lines(void **state)
{
    char text[] = "1 0 8:1 / / rw - ext4 /dev/sda rw\nrubbish\n2 1 0:4 / /proc rw - proc none rw";
    struct mount mounts[4];

    (void)state;
    assert_int_equal(mounts_parse(text, mounts, ARRAY_LEN(mounts)), 2);
    assert_string_equal(mounts[1].point, "/proc");
}

static void no_more_mounts_are_read_than_there_is_room_for(void **state)
{
    char text[] = "1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:4 / /proc rw - proc none rw\n";
    struct mount mounts[1];

    (void)state;
    assert_int_equal(mounts_parse(text, mounts, 1), 1);
}

static void a_path_lies_on_the_deepest_and_last_mount(void **state)
{
    static const struct {
        const char *path;
        uint64_t id;
    } cases[] = {
        {"/", 1}, {"/etc", 1}, {"/host", 4}, {"/host/open", 4}, {"/hostile", 1}, {"/host/in", 3},
    };
    char text[] = "1 0 8:1 / / rw - ext4 a rw\n"
                  "2 1 8:1 / /host rw - ext4 b rw\n"
                  "3 2 8:1 / /host/in rw - ext4 c rw\n"
                  "4 2 8:1 / /host rw - ext4 d rw\n";
    struct mount mounts[4];
    size_t count = mounts_parse(text, mounts, ARRAY_LEN(mounts));

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(mount_of_path(mounts, count, cases[i].path)->id == cases[i].id, "%s", cases[i].path);
    assert_null(mount_of_path(mounts, 0, "/"));
}

static void an_option_is_found_by_its_whole_name(void **state)
{
    const char *value;
    size_t len;

    (void)state;
    assert_true(mount_option("rw,cache=x,directfs", "cache", &value, &len));
    assert_int_equal(len, 1);
    assert_memory_equal(value, "x", 1);
    assert_true(mount_option("rw,cache=x,directfs", "directfs", &value, &len));
    assert_int_equal(len, 0);
    assert_false(mount_option("rw,dcache=1,directfsx", "cache", NULL, NULL));
    assert_false(mount_option("rw,dcache=1,directfsx", "directfs", NULL, NULL));
    assert_false(mount_option("", "rw", NULL, NULL));
}

static void the_gofers_mount_tells_its_policy(void **state)
{
    struct file_policy policy = policy_of(gofer);

    (void)state;
    assert_int_equal(policy.server, SERVER_GOFER);
    assert_int_equal(policy.overlay_on_path, TOLD_NO);
    assert_int_equal(policy.exclusive, TOLD_NO);
    assert_int_equal(policy.directfs, TOLD_YES);
    assert_int_equal(policy.host_fifo, TOLD_NO);
    assert_string_equal(policy.character_devices, "");
}

static void a_gofer_without_its_usual_options_is_told_apart(void **state)
{
    struct file_policy policy = policy_of(
        "1 0 0:2 / /host rw - 9p none rw,trans=fd,dcache=9,cache=fscache,char_device_policy=pass");

    (void)state;
    assert_int_equal(policy.exclusive, TOLD_YES);
    assert_int_equal(policy.directfs, TOLD_NO);
    assert_int_equal(policy.host_fifo, TOLD_YES);
    assert_string_equal(policy.character_devices, "pass");
}

static void an_old_gofer_says_nothing_by_silence(void **state)
{
    struct file_policy policy =
        policy_of("12 8 0:11 / /host rw - 9p none rw,trans=fd,rfdno=4,cache=remote_revalidating");

    (void)state;
    assert_int_equal(policy.server, SERVER_GOFER);
    assert_int_equal(policy.directfs, TOLD_NOTHING);
    assert_int_equal(policy.host_fifo, TOLD_NOTHING);
}

static void gvisors_overlay_is_not_linuxs(void **state)
{
    (void)state;
    assert_int_equal(policy_of(sealed).server, SERVER_OVERLAY);
    assert_int_equal(policy_of(sealed).overlay_on_path, TOLD_YES);
    assert_int_equal(policy_of(docker).server, SERVER_LINUX);
    assert_int_equal(policy_of(docker).overlay_on_path, TOLD_NOTHING);
}

static void a_drive_of_wsl2_is_not_the_gofers(void **state)
{
    (void)state;
    assert_int_equal(
        policy_of(
            "88 77 0:68 / /mnt/c rw,noatime - 9p C:\\134 rw,aname=drvfs;path=C:\\;uid=0;gid=0;"
            "symlinkroot=/mnt/,cache=5,access=client,msize=65536,trans=fd,rfd=8,wfd=8")
            .server,
        SERVER_LINUX);
    assert_int_equal(policy_of("88 77 0:68 / /usr/lib/wsl/drivers ro - 9p none ro,aname=drivers;"
                               "fmask=222;dmask=222,mmap,access=client,trans=fd,rfd=4,wfd=4")
                         .server,
                     SERVER_LINUX);
}

static void katas_9p_is_not_the_gofers(void **state)
{
    (void)state;
    assert_int_equal(policy_of(kata).server, SERVER_LINUX);
}

static void without_a_path_the_root_is_told(void **state)
{
    struct mount mount;
    char *copy = parsed(gofer, &mount);
    struct file_policy policy = file_policy_of(NULL, &mount);

    (void)state;
    assert_int_equal(policy.server, SERVER_GOFER);
    assert_int_equal(policy.overlay_on_path, TOLD_NOTHING);
    assert_int_equal(policy.overlay_on_root, TOLD_NO);
    assert_int_equal(file_policy_of(NULL, NULL).server, SERVER_UNKNOWN);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_cut_into_its_fields),
        cmocka_unit_test(escapes_in_names_are_undone),
        cmocka_unit_test(super_options_may_be_missing),
        cmocka_unit_test(broken_lines_are_refused),
        cmocka_unit_test(a_file_is_read_without_its_broken_lines),
        cmocka_unit_test(no_more_mounts_are_read_than_there_is_room_for),
        cmocka_unit_test(a_path_lies_on_the_deepest_and_last_mount),
        cmocka_unit_test(an_option_is_found_by_its_whole_name),
        cmocka_unit_test(the_gofers_mount_tells_its_policy),
        cmocka_unit_test(a_gofer_without_its_usual_options_is_told_apart),
        cmocka_unit_test(an_old_gofer_says_nothing_by_silence),
        cmocka_unit_test(gvisors_overlay_is_not_linuxs),
        cmocka_unit_test(a_drive_of_wsl2_is_not_the_gofers),
        cmocka_unit_test(katas_9p_is_not_the_gofers),
        cmocka_unit_test(without_a_path_the_root_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
